import type { VersionRef } from '../../rotation/ports.ts';
import type { Json } from '../json.ts';
import type { VaultSecret } from './workload.ts';

/*
 * A tag of the app says which versions it was given, and when: `KeyturnRefreshed: 0f1e2d3c4b5a@2026-11-25T17:12:00.000Z …`. Nothing that
 * Azure shows tells which version of a secret an app has; so what was done about one has to be kept, and it is kept where the next
 * one who asks will look. It is written last, and taken away before the same is done again: a mark that is there says that all of it was done.
 */
const TAG = 'KeyturnRefreshed';
/** Azure's own bounds. */
const MOST_TAGS = 50;
const LONGEST = 256;

/** What the mark is about: a version, and the secret where it names that version itself. */
export type Marked = readonly [version: VersionRef, own: readonly VaultSecret[]];

/** @returns when it was done; undefined: it was not, or not to its end */
export function markedAt(tags: Json, marked: Marked): Date | undefined {
  const entry = entriesIn(tags).find((one) => one.startsWith(`${keyOf(marked)}@`));
  const at = Date.parse(entry?.split('@')[1] ?? '');
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** All tags, with the mark; the oldest marks make room. */
export function withMark(tags: Json, marked: Marked, now: Date): Json {
  const kept = [...othersIn(tags, marked), `${keyOf(marked)}@${now.toISOString()}`];
  while (kept.join(' ').length > LONGEST) kept.shift();
  return { ...tags, [tagIn(tags)]: kept.join(' ') };
}

/** All tags, without the mark; undefined where there is none. */
export function withoutMark(tags: Json, marked: Marked): Json | undefined {
  const others = othersIn(tags, marked);
  return others.length === entriesIn(tags).length ? undefined : { ...tags, [tagIn(tags)]: others.join(' ') };
}

export function hasRoom(tags: Json): boolean {
  return tagIn(tags) in tags || Object.keys(tags).length < MOST_TAGS;
}

function keyOf([{ version }, own]: Marked): string {
  const named = own.find(({ address }) => address.version !== undefined);
  // Forty characters of a name tell it from its neighbours, and leave room for others.
  return `${version.slice(0, 12).toLowerCase()}${named === undefined ? '' : `.${named.name.slice(0, 40)}`}`;
}

function othersIn(tags: Json, marked: Marked): readonly string[] {
  return entriesIn(tags).filter((one) => !one.startsWith(`${keyOf(marked)}@`));
}

function entriesIn(tags: Json): readonly string[] {
  const value = tags[tagIn(tags)];
  return typeof value === 'string' ? value.split(' ').filter((one) => one !== '') : [];
}

/** Names of tags are compared without regard to case. */
function tagIn(tags: Json): string {
  return Object.keys(tags).find((name) => name.toLowerCase() === TAG.toLowerCase()) ?? TAG;
}
