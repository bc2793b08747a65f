import type { ArmClient, ArmRequest } from '../azure/arm/client.ts';
import type { Call } from '../rotation/ports.ts';
import { listIn, objectIn, textIn, type Json } from './json.ts';

/** No list of one resource's children is longer; a service that goes round in circles is left at some time. */
const MOST_PAGES = 50;

/** Every item of a list, all its pages. Read-only; throws as `ArmClient.start` does. */
export async function listAll(arm: ArmClient, first: ArmRequest, call: Call): Promise<readonly Json[]> {
  const items: Json[] = [];
  let next: ArmRequest | undefined = first;
  for (let page = 0; next !== undefined && page < MOST_PAGES; page += 1) {
    const outcome = await arm.start(next, call);
    const body = objectIn('body' in outcome ? outcome.body : undefined);
    items.push(...listIn(body, 'value'));
    next = pageAt(textIn(body, 'nextLink'), first);
  }
  return items;
}

/** Only the path and the query of the link are taken: the token goes to our own ARM, whatever the answer says. */
function pageAt(link: string | undefined, first: ArmRequest): ArmRequest | undefined {
  if (link === undefined || !URL.canParse(link)) return undefined;
  const { pathname, searchParams } = new URL(link);
  return { ...first, path: pathname, query: Object.fromEntries(searchParams) };
}
