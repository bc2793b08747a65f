import { describeObject, type Engine } from '../engine.ts';
import type { KeyChange, ManagedKey, ObjectRef } from '../ports.ts';
import { lookAtNewest, type Ask, type Seen } from '../vault-made/look.ts';

/** The newest version of a key, and the tags that hold for it. */
export function lookAt(engine: Engine, ask: Ask, object: ObjectRef): Promise<Seen> {
  return lookAtNewest(engine.keys, ask, object);
}

/**
 * What a fresh version lacks: the tags of the version before, and an expiry where the vault's policy gave none. Pure, and the same
 * however often it is asked: the expiry is counted from the version's making.
 */
export function missingOn({ current, tags, lost }: Seen, managed: ManagedKey | undefined): KeyChange | undefined {
  const change: KeyChange = {
    ...(lost ? { tags } : {}),
    ...(managed === undefined || current.expiresOn !== undefined
      ? {}
      : { expiresOn: new Date(current.createdOn.getTime() + managed.policy.validityMs) }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

/** For the ledger: what the run is about. */
export function keyUrl({ vault, name }: ObjectRef): string {
  return `${vault}/keys/${name}`;
}

export function notManaged(object: ObjectRef): string {
  return `${describeObject(object)} carries no tag Rotator or KeyUser`;
}
