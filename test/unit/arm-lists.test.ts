import { expect, it } from 'vitest';
import type { ArmClient, ArmRequest } from '../../src/azure/arm/client.ts';
import { listAll } from '../../src/consumers/arm-lists.ts';

const FIRST: ArmRequest = {
  method: 'GET',
  path: '/subscriptions/s/list',
  query: { 'api-version': '1' },
  action: 'Microsoft.Web/sites/read',
  scope: '/subscriptions/s',
  role: 'Reader',
  mutates: false,
};
const call = { signal: new AbortController().signal, now: () => new Date() };

/** Answers each page with its number, and where the next one is. */
function pages(count: number, link: (page: number) => string): Pick<ArmClient, 'start'> & { asked: number } {
  const arm = {
    asked: 0,
    start: () => {
      const page = (arm.asked += 1);
      return Promise.resolve({ body: { value: [{ page }], ...(page < count ? { nextLink: link(page) } : {}) } });
    },
  };
  return arm;
}
const listed = (arm: Pick<ArmClient, 'start'>) => listAll(arm as ArmClient, FIRST, call);
const next = (page: number): string => `https://management.azure.com/subscriptions/s/list?page=${page}`;

it('a list of many pages is read to its end: whoever is left out would be taken for absent', async () => {
  expect(await listed(pages(120, next))).toHaveLength(120);
});

it('a list without an end, or with a next page that has no address, is no list', async () => {
  const endless = pages(Number.POSITIVE_INFINITY, next);
  await expect(listed(endless)).rejects.toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
  expect(endless.asked).toBe(1000);
  await expect(listed(pages(2, () => 'page two'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
