import { RotationError } from '../../rotation/errors.ts';
import type { Call, LiveCredential } from '../../rotation/ports.ts';
import { ask, type Answered, type Asking, type HttpApiDeps } from './client.ts';
import type { HttpApi } from './config.ts';
import type { List } from './description.ts';
import { rotationIdOf } from './label.ts';
import { at, holds, idAt, momentAt, textAt } from './pointer.ts';

/** A key as the listing shows it. */
export interface Listed extends LiveCredential {
  readonly created?: Date;
}

/** A service whose pages do not end is not listened to for ever. */
const MOST_PAGES = 200;

/**
 * Every key of the instance that is in use, whatever the number of pages. Read-only.
 * @throws CONFIG_INVALID when an answer is not as the description says, or leads to another host
 */
export async function listKeys(deps: HttpApiDeps, api: HttpApi, call: Call): Promise<readonly Listed[]> {
  const { list } = api.description;
  const found: Listed[] = [];
  let next: Page | undefined = firstPage(list);
  const asked = new Set<string>();
  // A key that is made or removed meanwhile moves others to a page that was read already.
  const seen = new Set<string>();
  for (let turn = 0; next !== undefined; turn += 1) {
    if (turn === MOST_PAGES) throw misfit(api, `does not end after ${MOST_PAGES} pages`);
    const page = JSON.stringify(next);
    if (asked.has(page)) throw misfit(api, 'goes in a circle: the next page is one that was read already');
    asked.add(page);
    const asking = { what: 'listing the keys', writes: false, ...next };
    const answer: Answered = await ask(deps, api, list, asking, call);
    const items = itemsIn(api, answer.body);
    const before = seen.size;
    for (const item of items) {
      const id = textAt(item, list.item.id) ?? JSON.stringify(item);
      const isNew = !seen.has(id);
      seen.add(id);
      if (isNew && (list.where ?? []).every((condition) => holds(item, condition))) found.push(listed(api, item));
    }
    next = nextPage(api, answer, { count: items.length, fresh: seen.size - before }, next);
  }
  return found;
}

function itemsIn(api: HttpApi, body: unknown): readonly unknown[] {
  const { items: pointer, absentWhenEmpty } = api.description.list;
  const items = at(body, pointer);
  if (Array.isArray(items)) return items as readonly unknown[];
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const left = absentWhenEmpty === true && isObject && items === undefined;
  if (!left) throw misfit(api, `holds no list at '${pointer}'`);
  return [];
}

interface Page extends Pick<Asking, 'page' | 'values'> {
  readonly number?: number;
}

function firstPage({ pages }: List): Page {
  if (pages?.kind === 'page') {
    return { number: pages.first, page: { query: pages.query, value: String(pages.first) } };
  }
  return { values: { cursor: null } };
}

interface PageRead {
  readonly count: number;
  /** How many of its keys no page before it had. */
  readonly fresh: number;
}

function nextPage(api: HttpApi, answer: Answered, read: PageRead, { number = 0 }: Page): Page | undefined {
  const { pages } = api.description.list;
  switch (pages?.kind) {
    case undefined:
      return undefined;
    case 'page':
      // Without a size, some services give the last page again for every number behind it.
      if (pages.size === undefined ? read.fresh === 0 : read.count < pages.size) return undefined;
      return { number: number + 1, page: { query: pages.query, value: String(number + 1) } };
    case 'cursor': {
      const cursor = textAt(answer.body, pages.pointer);
      const more = pages.more === undefined || at(answer.body, pages.more) === true;
      if (cursor === undefined || !more) return undefined;
      if (pages.query === undefined) return { values: { cursor } };
      return { values: { cursor: null }, page: { query: pages.query, value: cursor } };
    }
    case 'next':
      return linked(api, textAt(answer.body, pages.pointer));
    case 'link-header':
      return linked(api, /<([^<>]*)>[^,<]*;\s*rel="?next"?/i.exec(answer.headers['link'] ?? '')?.[1]);
  }
}

/** Only the host itself may say where to go on: the administrator's credential goes there. */
function linked(api: HttpApi, link: string | undefined): Page | undefined {
  if (link === undefined) return undefined;
  const origin = `https://${api.host}`;
  const url = URL.canParse(link, origin) ? new URL(link, origin) : undefined;
  if (url?.origin !== new URL(origin).origin) throw misfit(api, 'names a next page on another host');
  // Never a user or a password that the answer put into it.
  return { values: { cursor: null }, page: { url: new URL(`${url.pathname}${url.search}`, origin) } };
}

function listed(api: HttpApi, item: unknown): Listed {
  const { id, label, expires, created } = api.description.list.item;
  const credentialId = idAt(item, id);
  if (credentialId === undefined) throw misfit(api, `holds a key without an id that can be used at '${id}'`);
  const name = label === undefined ? undefined : textAt(item, label);
  const rotationId = name === undefined ? undefined : rotationIdOf(name);
  const notAfter = expires === undefined ? undefined : momentAt(item, expires);
  const since = created === undefined ? undefined : momentAt(item, created);
  return {
    credentialId,
    slot: credentialId,
    ...(rotationId === undefined ? {} : { rotationId }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(since === undefined ? {} : { created: since }),
  };
}

function misfit(api: HttpApi, why: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the listing of the keys at ${api.name} ${why}`,
    remedy: `Compare list in the description of ${api.setting} with ${api.description.documentation}`,
  });
}
