import type { ArmClient, ArmRequest } from '../azure/arm/client.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Call } from '../rotation/ports.ts';
import { listIn, objectIn, textIn, type Json } from './json.ts';

/** No list of one resource's children is longer: an answer that goes on after that has no end. */
const MOST_PAGES = 1000;

/**
 * Every item of a list, all its pages: who is left out would be taken for absent. Read-only.
 * @throws as `ArmClient.start` does; UNAVAILABLE when the list has no end
 */
export async function listAll(arm: ArmClient, first: ArmRequest, call: Call): Promise<readonly Json[]> {
  const items: Json[] = [];
  let next: ArmRequest | undefined = first;
  for (let page = 0; next !== undefined; page += 1) {
    if (page === MOST_PAGES) throw unreadable(first, 'its pages have no end');
    const outcome = await arm.start(next, call);
    const body = objectIn('body' in outcome ? outcome.body : undefined);
    items.push(...listIn(body, 'value'));
    next = pageAt(textIn(body, 'nextLink'), first);
  }
  return items;
}

/** Only the path and the query of the link are taken: the token goes to our own ARM, whatever the answer says. */
function pageAt(link: string | undefined, first: ArmRequest): ArmRequest | undefined {
  if (link === undefined) return undefined;
  if (!URL.canParse(link)) throw unreadable(first, 'the address of its next page is none');
  const { pathname, searchParams } = new URL(link);
  return { ...first, path: pathname, query: Object.fromEntries(searchParams) };
}

function unreadable({ action, scope }: ArmRequest, why: string): RotationError {
  return new RotationError({
    code: 'UNAVAILABLE',
    recovery: 'retry',
    message: `${action} on ${scope}: the list cannot be read to its end: ${why}`,
  });
}
