import { objectIn, textIn, without, type Json } from '../json.ts';
import { readObjectUrl, refersTo, type ObjectAddress } from '../object-address.ts';
import type { ObjectRef, VersionRef } from '../../rotation/ports.ts';

/* What the JSON of a named value, or of a certificate, says of the vault. Pure. Both have the same `keyVault`. */

export interface Entity {
  readonly name: string;
  readonly address: ObjectAddress;
  /** As it came, without what is only shown: it is sent back. */
  readonly keyVault: Json;
  /** How its last look into the vault went: `Success`, or what was wrong; empty where it never looked. */
  readonly code: string;
  readonly message: string;
  readonly at?: Date;
  /** SHA-1, upper case; of a certificate only. */
  readonly thumbprint?: string;
}

/** Undefined for one that comes from no vault. */
export function entityIn(body: Json): Entity | undefined {
  const properties = objectIn(body, 'properties');
  const keyVault = objectIn(properties, 'keyVault');
  const [name, url] = [textIn(body, 'name'), textIn(keyVault, 'secretIdentifier')];
  const address = url === undefined ? undefined : readObjectUrl(url);
  if (name === undefined || address === undefined) return undefined;
  const status = objectIn(keyVault, 'lastStatus');
  const at = new Date(textIn(status, 'timeStampUtc') ?? '');
  const thumbprint = textIn(properties, 'thumbprint')?.replaceAll(':', '').toUpperCase();
  return {
    ...{ name, address, keyVault: without(keyVault, 'lastStatus') },
    ...{ code: textIn(status, 'code') ?? '', message: textIn(status, 'message') ?? '' },
    ...(Number.isNaN(at.getTime()) ? {} : { at }),
    ...(thumbprint === undefined ? {} : { thumbprint }),
  };
}

export function entitiesIn(items: readonly Json[], object: ObjectRef): readonly Entity[] {
  return items.flatMap((item) => entityIn(item) ?? []).filter(({ address }) => refersTo(address, object));
}

/** The vault tells whole seconds, and its clock is not the service's: a look at the same moment may have been the one before. */
export const CLOCKS_MS = 5_000;

/**
 * How the entity is known to have the version: by its own certificate, by the version that it names, or because it has read the newest
 * one since this one was made, which is all that a named value shows. Undefined: it does not have it, as far as can be told.
 */
export function heldBy(entity: Entity, { version, createdOn, certificate }: VersionRef): Held | undefined {
  const { address, thumbprint, code, at } = entity;
  if (address.version !== undefined && address.version !== version) return undefined;
  if (certificate !== undefined && thumbprint !== undefined)
    return thumbprint === certificate.sha1 ? 'thumbprint' : undefined;
  if (!/^Success$/i.test(code)) return undefined;
  if (address.version !== undefined) return 'version';
  if (at === undefined || createdOn === undefined) return undefined;
  return at.getTime() >= createdOn.getTime() + CLOCKS_MS ? 'time' : undefined;
}

export type Held = 'thumbprint' | 'version' | 'time';

/** For a change that lets it follow the newest version; everything else of it stays. */
export function following({ keyVault }: Entity): Json {
  const { origin, pathname } = new URL(textIn(keyVault, 'secretIdentifier') ?? '');
  return { ...keyVault, secretIdentifier: `${origin}${pathname.split('/').slice(0, 3).join('/')}` };
}
