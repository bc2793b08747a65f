import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, ObjectRef } from '../../rotation/ports.ts';
import { about, siteType } from '../app-service.ts';
import { listAll } from '../arm-lists.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { refersTo } from '../object-address.ts';
import { withoutAnswer } from '../silent.ts';
import { VERBS } from './access.ts';
import { addressIn } from './reference-text.ts';

export type Collection = 'appsettings' | 'connectionstrings';
export const COLLECTIONS: readonly Collection[] = ['appsettings', 'connectionstrings'];

/** A setting that refers to a vault, as App Service shows it. Its value is in none of these. */
export interface VaultSetting {
  readonly collection: Collection;
  readonly name: string;
  readonly pinned?: string;
  /** `Resolved`, or why not. */
  readonly status: string;
  readonly details: string;
  /** The version that App Service has fetched; undefined where it does not say. */
  readonly active: string | undefined;
}

/** The settings of the site that refer to the object. Read-only; @throws as `ArmClient.start` does */
export async function readSettings(
  arm: ArmClient,
  siteId: string,
  object: ObjectRef,
  call: Call,
): Promise<readonly VaultSetting[]> {
  const found: VaultSetting[] = [];
  for (const collection of COLLECTIONS) {
    const request: ArmRequest = {
      ...about(siteId, `/config/configreferences/${collection}`),
      method: 'GET',
      action: `${siteType(siteId)}/${VERBS.readSettings}`,
      mutates: false,
    };
    const items = await listAll(arm, request, call);
    found.push(...items.flatMap((item) => settingIn(collection, item, object)));
  }
  return found;
}

function settingIn(collection: Collection, item: Json, object: ObjectRef): readonly VaultSetting[] {
  const properties = objectIn(item, 'properties');
  const name = textIn(item, 'name');
  const address = addressIn(textIn(properties, 'reference') ?? '');
  if (name === undefined || !refersTo(address, object)) return [];
  const pinned = address?.version ?? textIn(properties, 'secretVersion')?.toLowerCase();
  return [
    {
      collection,
      name,
      ...(address?.version === undefined ? {} : { pinned: address.version }),
      status: textIn(properties, 'status') ?? '',
      details: textIn(properties, 'details') ?? '',
      // Which of the two it fills for a reference that follows is not documented [U].
      active: textIn(properties, 'activeVersion')?.toLowerCase() ?? pinned,
    },
  ];
}

/**
 * Makes App Service fetch all references of the collection now. The call is documented (app-service-key-vault-references.md), but in no
 * SDK; that there is one for connection strings, and for slots, is an inference from its path [U].
 * @returns false where App Service knows no such call @throws as `ArmClient.start` does
 */
export async function fetchNow(arm: ArmClient, siteId: string, collection: Collection, call: Call): Promise<boolean> {
  const request: ArmRequest = {
    ...about(siteId, `/config/configreferences/${collection}/refresh`),
    query: { 'api-version': '2022-03-01' },
    method: 'POST',
    action: `${siteType(siteId)}/${VERBS.writeSettings}`,
    mutates: true,
  };
  try {
    await arm.start(request, call);
    return true;
  } catch (error) {
    if (error instanceof RotationError && ['TARGET_NOT_FOUND', 'CONFIG_INVALID'].includes(error.code)) return false;
    throw error;
  }
}

/**
 * Changes one setting. App Service takes all of them or none: they are read, and written back as they came but for this one. Who changes
 * another between the two calls loses his change, which nothing prevents: these resources have no ETag.
 * @param change the new text of the reference @throws TARGET_NOT_FOUND when there is no such setting any more
 */
export async function rewrite(
  arm: ArmClient,
  siteId: string,
  { collection, name }: Pick<VaultSetting, 'collection' | 'name'>,
  change: (text: string) => string | undefined,
  call: Call,
): Promise<'written' | 'gone'> {
  const type = siteType(siteId);
  const listing = { method: 'POST', action: `${type}/${VERBS.listSettings}`, mutates: false } as const;
  const listed = await arm.start({ ...about(siteId, `/config/${collection}/list`), ...listing }, call);
  const properties = objectIn('body' in listed ? listed.body : undefined, 'properties');
  const old = properties[name];
  const text = collection === 'appsettings' ? old : objectIn(old)['value'];
  const fresh = typeof text === 'string' ? change(text) : undefined;
  if (fresh === undefined) return 'gone';
  const one = collection === 'appsettings' ? fresh : { ...objectIn(old), value: fresh };
  const writing = { method: 'PUT', action: `${type}/${VERBS.writeSettings}`, mutates: true } as const;
  const body = { properties: { ...properties, [name]: one } };
  await sendSilently(arm, { ...about(siteId, `/config/${collection}`), ...writing, body }, call);
  return 'written';
}

/** What is sent holds every value of the app: an answer that quotes one of them must not be quoted in turn. */
async function sendSilently(arm: ArmClient, request: ArmRequest, call: Call): Promise<void> {
  try {
    await arm.start(request, call);
  } catch (error) {
    throw error instanceof RotationError ? withoutAnswer(error, request, 'the settings') : error;
  }
}
