import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RegisteredFunction } from '../../sandbox/host/core.ts';
import { parseSchedule } from '../../sandbox/host/ncrontab.ts';
import { createRouter } from '../../sandbox/host/routes.ts';
import { isDisabled, queueConnection, readHostJson, resolvePercent, timeSpanMs } from '../../sandbox/host/settings.ts';

describe('NCRONTAB', () => {
  test.each([
    ['0 */5 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:05:00.000Z'],
    ['*/5 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:05:00.000Z'],
    ['*/15 * * * * *', '2026-03-01T10:02:15Z', '2026-03-01T10:02:30.000Z'],
    ['0 30 9 * * Mon-Fri', '2026-03-06T10:00:00Z', '2026-03-09T09:30:00.000Z'],
    ['0 0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0 0 3,15 * * *', '2026-12-31T16:00:00Z', '2027-01-01T03:00:00.000Z'],
    ['0 0 0 1 1-6/2 *', '2026-03-02T00:00:00Z', '2026-05-01T00:00:00.000Z'],
    ['59 59 23 31 dec *', '2026-12-31T23:59:59Z', '2027-12-31T23:59:59.000Z'],
  ])('%s after %s is %s', (expression, from, next) => {
    expect(parseSchedule(expression).next(new Date(from)).toISOString()).toBe(next);
  });

  test.each([
    '* * * *',
    '61 * * * * *',
    '0 0 24 * * *',
    '0 0 0 0 * *',
    'x * * * * *',
    '0 5-1 * * * *',
    '0 */0 * * * *',
  ])('refuses %s', (expression) => {
    expect(() => parseSchedule(expression)).toThrow('is no NCRONTAB expression');
  });

  test('says that a date never comes', () => {
    expect(() => parseSchedule('0 0 0 30 2 *').next(new Date())).toThrow('names no moment');
  });
});

describe('settings', () => {
  test('time spans', () => {
    expect(['00:00:30', '1.02:03:04', '00:05'].map(timeSpanMs)).toEqual([30_000, 93_784_000, 300_000]);
    expect(() => timeSpanMs('30s')).toThrow('no time span');
  });

  test('percent names resolve or are named', () => {
    expect(resolvePercent('%A%-x', 'f', { A: 'q' })).toBe('q-x');
    expect(() => resolvePercent('%B%', 'f', {})).toThrow("f: '%B%' does not resolve");
  });

  test('connections are a string or an address for the identity', () => {
    expect(queueConnection('K', { K: 'Usex' })).toEqual({ kind: 'string', value: 'Usex' });
    expect(queueConnection('K', { K__queueServiceUri: 'https://q' })).toEqual({ kind: 'identity', uri: 'https://q' });
    expect(() => queueConnection('K', {})).toThrow('K__queueServiceUri');
  });

  test('a function is switched off by name', () => {
    expect(isDisabled('f', { 'AzureWebJobs.f.Disabled': 'True' })).toBe(true);
    expect(isDisabled('f', { 'AzureWebJobs.g.Disabled': 'true' })).toBe(false);
  });

  test('host.json has defaults, and its nonsense is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'keyturn-hostjson-'));
    const read = async (json: object): ReturnType<typeof readHostJson> => {
      await writeFile(join(dir, 'host.json'), JSON.stringify(json));
      return readHostJson(dir);
    };
    try {
      const { queues, routePrefix } = await read({ version: '2.0', extensions: { queues: { batchSize: 6 } } });
      expect(routePrefix).toBe('api');
      expect(queues).toMatchObject({
        batchSize: 6,
        newBatchThreshold: 3,
        maxDequeueCount: 5,
        messageEncoding: 'base64',
      });
      await expect(read({ version: '1.0' })).rejects.toThrow('version must be');
      await expect(read({ version: '2.0', extensions: { queues: { batchSize: 33 } } })).rejects.toThrow('batchSize');
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

test('the more exact route wins, and parameters are read', () => {
  const fn = (name: string, route: string, methods: string[]): RegisteredFunction => {
    const trigger = { type: 'httpTrigger', direction: 'in', bindingName: 'req', route, methods };
    return { metadata: { name, bindings: {} }, callback: () => undefined, trigger };
  };
  const router = createRouter([
    fn('any', '{*rest}', []),
    fn('read', 'things/{id}', ['GET']),
    fn('mine', 'things/mine', ['GET']),
    fn('page', 'pages/{page?}', ['GET']),
  ]);
  const found = (method: string, path: string): unknown => {
    const match = router(method, path.split('/'));
    return [match?.fn.metadata.name, match?.params];
  };
  expect(found('GET', 'things/mine')).toEqual(['mine', {}]);
  expect(found('GET', 'things/7')).toEqual(['read', { id: '7' }]);
  expect(found('PUT', 'things/7')).toEqual(['any', { rest: 'things/7' }]);
  expect(found('GET', 'pages')).toEqual(['page', {}]);
});
