import { parseJson } from '../../azure/rest-errors.ts';
import type { ObjectRef, VersionRef } from '../../rotation/ports.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { readObjectUrl, type ObjectAddress } from '../object-address.ts';
import type { Place, Setting } from './store.ts';

/* What settings say: references to a vault, and the sentinel. Pure. */

const REFERENCE_TYPE = 'application/vnd.microsoft.appconfig.keyvaultref+json';

/** The SDK compares the whole content type, with its charset; people and other tools write it with spaces, or without. */
export function addressIn({ contentType, value }: Setting): ObjectAddress | undefined {
  if (typeOf(contentType) !== REFERENCE_TYPE) return undefined;
  const uri = textIn(objectIn(parseJson(value)), 'uri');
  return uri === undefined ? undefined : readObjectUrl(uri);
}

function typeOf(contentType: string): string {
  return contentType.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The reference to another version, with whatever else its value holds. @param old the version that it names, lower case */
export function withVersion({ value }: Setting, old: string, version: string): string {
  const body = objectIn(parseJson(value));
  const uri = textIn(body, 'uri') ?? '';
  // The last thing in the path, and 32 hex digits: no name before it is mistaken for it.
  const at = uri.toLowerCase().lastIndexOf(old);
  return JSON.stringify({ ...body, uri: `${uri.slice(0, at)}${version}${uri.slice(at + old.length)}` });
}

/** A reference, a feature flag or whatever else has a meaning of its own. */
export function isSpecial({ contentType }: Setting): boolean {
  return typeOf(contentType).startsWith('application/vnd.microsoft.appconfig.');
}

/*
 * The sentinel tells which version of each object was told of last: {"kv.vault.azure.net/orders-db":"3f…","…":"…"}, the latest at its end.
 * What only named the last one could not tell two objects that are renewed together whether both were told.
 */

/** A setting holds 10 KB with its key and its tags. Who was told long ago is forgotten, and told again when somebody asks. */
const MOST_CHARACTERS = 6000;

export function toldOf({ value }: Pick<Setting, 'value'>, object: ObjectRef): string | undefined {
  return textIn(versionsIn(value), nameOf(object));
}

export function telling(before: Setting | undefined, { object, version }: VersionRef): string {
  const known = Object.entries(versionsIn(before?.value ?? '')).filter(([name]) => name !== nameOf(object));
  known.push([nameOf(object), version]);
  while (known.length > 1 && JSON.stringify(Object.fromEntries(known)).length > MOST_CHARACTERS) known.shift();
  return JSON.stringify(Object.fromEntries(known));
}

/** Whatever somebody else has written there says nothing. */
function versionsIn(value: string): Json {
  return Object.fromEntries(Object.entries(objectIn(parseJson(value))).filter(([, one]) => typeof one === 'string'));
}

function nameOf({ vault, name }: ObjectRef): string {
  return `${new URL(vault).host}/${name}`.toLowerCase();
}

/* Of what a consumer of this kind has as its id: the store's, `#`, and key and label as in a query. */

export function referenceIdOf(storeId: string, { key, label }: Place): string {
  const query = label === undefined ? '' : `?label=${encodeURIComponent(label)}`;
  return `${storeId}#${encodeURIComponent(key)}${query}`;
}

export function placeIn(id: string): Place {
  const [key = '', label] = id.slice(id.indexOf('#') + 1).split('?label=');
  return { key: decoded(key), ...(label === undefined ? {} : { label: decoded(label) }) };
}

/** Rows that were kept may hold anything. */
function decoded(text: string): string {
  return new URLSearchParams(`x=${text.replaceAll('+', '%2B')}`).get('x') ?? '';
}
