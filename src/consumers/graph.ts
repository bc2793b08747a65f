import type { ArmClient, ArmRequest } from '../azure/arm/client.ts';
import { RotationError } from '../rotation/errors.ts';
import type { ObjectRef } from '../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from './adapter.ts';

/* One query over all subscriptions for the resources that may hold a reference. */

/** What the graph knows of. Its copy is some seconds to minutes behind: ids are taken from it, and nothing else is believed. */
export interface GraphAnswer {
  readonly found: readonly GraphRow[];
  /** Ids, lower case, of the subscriptions that the identity sees. */
  readonly visible: ReadonlySet<string>;
}

/** What a copy says: vault and name of the object; of vaults, but not of the object; or nothing of any vault. */
const SAYS = ['object', 'another', 'nothing'] as const;
export type Says = (typeof SAYS)[number];

export interface GraphRow extends FoundResource {
  readonly says: Says;
}

const API_VERSION = '2021-03-01';
export const ASK = { action: 'Microsoft.ResourceGraph/resources/read', role: 'Reader' } as const;
/** The most that one page may have. */
const PAGE = 1000;
/** A million resources: an answer that goes on after that has no end. */
const MOST_PAGES = 1000;
const SUBSCRIPTION = 'microsoft.resources/subscriptions';

/**
 * The query, in Kusto. Of the types whose copy in the graph shows their references it gives those that mention vault and name; of the
 * others all; and each row with what its copy says, since one type may have kinds of both sorts. The subscriptions come with it: the
 * graph leaves those out, without a word, that the identity may not see. The order is what paging needs. That the graph's copies really
 * have the references was not seen on Azure for every type [U]: so a copy that says nothing of any vault is no proof that the
 * resource has none, and is given as well, but for the types of `mentioned`.
 */
export function graphQuery(adapters: readonly ConsumerAdapter[], { vault, name }: ObjectRef): string {
  const types = (inGraph: ConsumerAdapter['inGraph']): string => {
    const named = adapters.filter((one) => one.inGraph === inGraph).flatMap((one) => one.types);
    return [...new Set(named)].map(quoted).join(', ');
  };
  // Some references hold the vault's address, others its ARM id: its name is in both. What else mentions it is sorted out later.
  const words = [new URL(vault).hostname.split('.')[0] ?? '', name];
  const mentions = words.map((word) => `tostring(properties) contains ${quoted(word)}`).join(' and ');
  const silent = `tostring(properties) !contains ${quoted('vault')}`;
  const shown = types(true) === '' ? [] : [`(type in~ (${types(true)}) and ((${mentions}) or ${silent}))`];
  const mentioning = types('mentioned') === '' ? [] : [`(type in~ (${types('mentioned')}) and (${mentions}))`];
  const listed = types(false) === '' ? [] : [`type in~ (${types(false)})`];
  const [ours, none, others] = (['object', 'nothing', 'another'] satisfies Says[]).map(quoted);
  const columns = 'project id, type, location';
  return [
    'resources',
    `| where ${[...shown, ...mentioning, ...listed].join(' or ')}`,
    `| ${columns}, says = case(${mentions}, ${ours}, ${silent}, ${none}, ${others})`,
    `| union (resourcecontainers | where type =~ ${quoted(SUBSCRIPTION)} | ${columns}, says = '')`,
    '| order by id asc',
  ].join('\n');
}

/** Is a resource of which the graph says this to be asked for this kind of reference? Exactly whom the query for that kind alone gives. */
export function mayHold({ inGraph }: Pick<ConsumerAdapter, 'inGraph'>, says: Says): boolean {
  if (inGraph === false) return true;
  return says === 'object' || (says === 'nothing' && inGraph === true);
}

/** A string literal of Kusto that ends where it should, whatever is in it. */
export function quoted(text: string): string {
  const plain = text.replaceAll(/[\\']/g, '\\$&');
  // Control characters end a literal, too; no name in Azure has one.
  return `'${plain.replaceAll(/\p{Cc}/gu, '')}'`;
}

/**
 * Asks for every page. Read-only.
 * @param send sends one request, and may wait and send it again
 * @throws ACCESS_DENIED when the identity sees none of the subscriptions; UNAVAILABLE when the answer is none that could be read
 */
export async function askGraph(
  send: (request: ArmRequest) => ReturnType<ArmClient['send']>,
  query: string,
  subscriptions: readonly string[],
): Promise<GraphAnswer> {
  const rows: (GraphRow | string)[] = [];
  let skipToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const body = { subscriptions, query, options: optionsOf(skipToken) };
    const outcome = await send({ ...requestOf(subscriptions), body });
    const { data, next } = pageOf('body' in outcome ? outcome.body : undefined);
    rows.push(...data);
    if (next === undefined) return split(rows);
    if (next === skipToken) break;
    skipToken = next;
  }
  throw unreadable('its pages have no end');
}

function optionsOf(skipToken: string | undefined): unknown {
  const options = { resultFormat: 'objectArray', $top: PAGE };
  return skipToken === undefined ? options : { ...options, $skipToken: skipToken };
}

function requestOf([first = '']: readonly string[]): ArmRequest {
  return {
    method: 'POST',
    path: '/providers/Microsoft.ResourceGraph/resources',
    query: { 'api-version': API_VERSION },
    ...ASK,
    scope: `/subscriptions/${first}`,
    mutates: false,
    found: true,
  };
}

function pageOf(body: unknown): { readonly data: readonly (GraphRow | string)[]; readonly next: string | undefined } {
  if (typeof body !== 'object' || body === null) throw unreadable('it is empty');
  const { data, $skipToken: next } = body as { readonly data?: unknown; readonly $skipToken?: unknown };
  if (!Array.isArray(data)) throw unreadable('it has no rows');
  return { data: data.map(rowOf), next: typeof next === 'string' && next !== '' ? next : undefined };
}

/** A resource, or the id of a subscription. */
function rowOf(row: unknown): GraphRow | string {
  const { id, type, location, says } = (row ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || typeof type !== 'string') throw unreadable('a row has neither id nor type');
  if (type.toLowerCase() === SUBSCRIPTION) return id.split('/').at(-1)?.toLowerCase() ?? '';
  const known = SAYS.find((one) => one === says);
  if (known === undefined) throw unreadable('a row does not tell what its copy says');
  return { id, type: type.toLowerCase(), location: typeof location === 'string' ? location : '', says: known };
}

/** Subscriptions and resources come in one answer. A resource that moved between two pages is in both. */
function split(rows: readonly (GraphRow | string)[]): GraphAnswer {
  const found = new Map<string, GraphRow>();
  const visible = new Set<string>();
  for (const row of rows) {
    if (typeof row === 'string') visible.add(row);
    else found.set(row.id.toLowerCase(), row);
  }
  return { found: [...found.values()], visible };
}

function unreadable(why: string): RotationError {
  return new RotationError({
    code: 'UNAVAILABLE',
    recovery: 'retry',
    message: `the answer of Resource Graph cannot be read: ${why}`,
  });
}
