import type { Call, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { referenceIsGone, refersTo } from '../object-address.ts';
import { KIND, TYPE } from './access.ts';
import * as refusals from './refusals.ts';
import { addressIn, isSpecial, placeIn, referenceIdOf, telling, toldOf, withVersion } from './settings.ts';
import { createStores, type Place, type Setting, type StoreDeps } from './store.ts';

const HOUR_MS = 3_600_000;

export interface ConfigurationDeps extends StoreDeps {
  /** The key of the setting that is changed with each version; false: none is. */
  readonly sentinel: string | false;
  /** Whether a reference that names a version is made to name the new one. */
  readonly rewritePinned: boolean;
}

/*
 *   reference that names a version ──▶ names the new one ──▶ sentinel tells of the version ──▶ pushed
 *   reference that follows ──────────────────────────────────────┘
 *
 * Each step is asked for before it is taken: whoever dies between the two finds the sentinel behind, and goes on there.
 */

/**
 * References to a vault in the key-values of App Configuration. Apps read them in their own time, and nothing can be pushed into a process:
 * what can be done is to change a setting that they watch. That an app then reads the secret anew depends on how it is set up (the
 * JavaScript provider forgets its secrets when a watched setting changes; the .NET provider keeps them for its own interval).
 */
export function appConfiguration(deps: ConfigurationDeps): ConsumerAdapter {
  const { sentinel, rewritePinned } = deps;
  const stores = createStores(deps);

  /** @throws TARGET_NOT_FOUND when the store has no such reference any more */
  async function referenceAt(reference: Reference, version: VersionRef, call: Call) {
    const setting = await stores.read(reference.parent, placeIn(reference.id), call);
    const address = setting === undefined ? undefined : addressIn(setting);
    if (setting === undefined || !refersTo(address, version.object)) throw referenceIsGone(reference, version);
    return { setting, pinned: address?.version };
  }

  /** The sentinel for what has the reference's label: apps that select by label see no other. */
  function besides(key: string, { label }: Setting): Place {
    return { key, ...(label === undefined ? {} : { label }) };
  }

  /** Changes the sentinel, unless it tells of the version already. */
  async function tell(storeId: string, place: Place, version: VersionRef, call: Call): Promise<void> {
    const before = await stores.read(storeId, place, call);
    if (before !== undefined && isSpecial(before)) throw refusals.sentinelIsTaken(storeId, place, before.contentType);
    if (before !== undefined && toldOf(before, version.object) === version.version) return;
    if (before?.isLocked === true) throw refusals.sentinelIsLocked(storeId, place);
    await stores.write(storeId, place, before, telling(before, version), call);
  }

  async function look(reference: Reference, version: VersionRef, call: Call): Promise<Confirmation> {
    const { setting, pinned } = await referenceAt(reference, version, call);
    if (pinned !== undefined && pinned !== version.version) {
      return { is: 'pending', detail: `${reference.id} names version ${pinned}` };
    }
    const names = `${reference.id} ${pinned === undefined ? 'follows the newest version' : `names version ${pinned}`}`;
    if (sentinel === false) return withoutSentinel(names, pinned);
    const place = besides(sentinel, setting);
    const told = await stores.read(reference.parent, place, call);
    const last = told === undefined ? undefined : toldOf(told, version.object);
    if (last === version.version) return seen(`${names}, and the sentinel ${place.key} tells of ${last}`);
    return { is: 'pending', detail: `${names}; the sentinel ${place.key} tells of ${last ?? 'no version of it'}` };
  }

  return {
    kind: KIND,
    // A certificate's secret has the certificate's name and versions.
    objects: ['secret', 'certificate'],
    types: [TYPE.toLowerCase()],
    inGraph: false,
    // A write is seen by all readers of an endpoint within moments; when apps read a reference that follows is documented nowhere.
    lagMs: { pushed: HOUR_MS, follows: 24 * HOUR_MS },

    async find({ id: storeId }: FoundResource, object, call) {
      const settings = await stores.list(storeId, call);
      return settings.flatMap((setting): readonly Reference[] => {
        const address = addressIn(setting);
        if (!refersTo(address, object)) return [];
        const base = { kind: KIND, id: referenceIdOf(storeId, setting), parent: storeId, hosts: [] };
        return [address?.version === undefined ? base : { ...base, pinned: address.version }];
      });
    },

    async refresh(reference, version, _operation, call): Promise<Refreshed> {
      const { id, parent: storeId } = reference;
      const { setting, pinned } = await referenceAt(reference, version, call);
      if (pinned !== undefined && pinned !== version.version) {
        if (!rewritePinned) return refusals.pinnedIsLeft(id, storeId, setting, pinned);
        if (setting.isLocked) return refusals.lockedIsLeft(id, storeId, setting, pinned);
        await stores.write(storeId, setting, setting, withVersion(setting, pinned, version.version), call);
      }
      if (sentinel === false) return { is: pinned === undefined ? 'follows' : 'pushed' };
      await tell(storeId, besides(sentinel, setting), version, call);
      return { is: 'pushed' };
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      try {
        return await look(reference, version, call);
      } catch (error) {
        if (!refusals.isClosed(error)) throw error;
        return { is: 'unreachable', detail: error.message, remedy: error.remedy ?? '' };
      }
    },
  };
}

/** What is in the store is all that can be seen: whether an app has read it is not. So the proof is the weaker one. */
function seen(what: string): Confirmation {
  const detail = `${what}; when each app reads it is its own matter, and cannot be seen`;
  return { is: 'adopted', proof: 'control-plane', detail };
}

/** A reference that follows is the same before and after: nothing at all shows whether anybody has the new version. */
function withoutSentinel(names: string, pinned: string | undefined): Confirmation {
  if (pinned !== undefined) return seen(names);
  const detail = `${names}, and nothing tells whether an app has read it since`;
  return { is: 'unreachable', detail, remedy: refusals.NO_SENTINEL };
}
