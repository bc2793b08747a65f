import { CallScope } from './calls.ts';
import { isCertificatesOwn } from './certificates/own.ts';
import { inventoryCertificates } from './certificates/inventory.ts';
import type { Engine } from './engine.ts';
import { RotationError, type Problem } from './errors.ts';
import { objectKey } from './ids.ts';
import { inventoryKeys } from './keys/inventory.ts';
import { decide } from './policy.ts';
import type { ObjectRef, SecretListing, VersionInfo } from './ports.ts';
import type { Run } from './record.ts';
import { REQUEST_MS } from './runbook.ts';

export interface InventoryItem {
  readonly object: ObjectRef;
  /** Newest first; the first is the current one. */
  readonly versions: readonly { readonly version: string; readonly enabled: boolean; readonly createdOn: string }[];
  readonly enabled: boolean;
  readonly createdOn: string;
  readonly expiresOn?: string;
  readonly rotator?: string;
  readonly system?: string;
  readonly credentialId?: string;
  /** Of a key: the resources that are brought to each new version. */
  readonly users?: readonly string[];
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly problems?: readonly Problem[];
  readonly lastRun?: Run;
}

/** So many objects are asked for their versions at a time. */
const AT_ONCE = 8;

/**
 * Every managed object of the served vaults: what it is, its versions, whether it is due and why, and its last run. A request for
 * each page of a vault and one for each managed object.
 * @param vaults which to look into
 * @returns also what could not be listed, where the rest is whole without it
 * @throws what the vault or the ledger throws
 */
export async function inventory(
  engine: Engine,
  vaults: readonly string[],
): Promise<{ readonly objects: readonly InventoryItem[]; readonly problems: readonly string[] }> {
  const scope = new CallScope(engine.clock, REQUEST_MS, REQUEST_MS);
  const items: InventoryItem[] = [];
  const problems: string[] = [];
  for (const vault of vaults) {
    const runs = new Map<string, Run>();
    const ledger = await scope.run('reading the ledger', (call) => engine.journal.runs({ vault, limit: 5000 }, call));
    // A request that was refused or waits to be taken says nothing about the object; the run before it does.
    for (const { object, run } of ledger) {
      const key = objectKey(object);
      const known = runs.get(key)?.state;
      if (known === undefined || known === 'refused' || known === 'queued') runs.set(key, run);
    }
    const found: Omit<InventoryItem, 'versions'>[] = [];
    await scope.run(`listing ${vault}`, async (call) => {
      for await (const listing of engine.vault.list(vault, call)) {
        const item = inventoryItem(engine, listing, runs.get(objectKey(listing.object)));
        if (item !== undefined) found.push(item);
      }
    });
    const keys = await inventoryKeys(engine, scope, vault, (object) => runs.get(objectKey(object)));
    found.push(...keys.items);
    const certificates = await inventoryCertificates(engine, scope, vault, (object) => runs.get(objectKey(object)));
    found.push(...certificates.items);
    problems.push(...[keys.problem, certificates.problem].filter((problem) => problem !== undefined));
    for (let from = 0; from < found.length; from += AT_ONCE) {
      items.push(
        ...(await Promise.all(found.slice(from, from + AT_ONCE).map((item) => withVersions(engine, scope, item)))),
      );
    }
  }
  return { objects: items, problems };
}

async function withVersions(
  engine: Engine,
  scope: CallScope,
  item: Omit<InventoryItem, 'versions'>,
): Promise<InventoryItem> {
  const from = { secret: engine.vault, key: engine.keys, certificate: engine.certificates }[item.object.kind];
  const all = await scope.run(
    'listing the versions',
    (call): Promise<readonly Pick<VersionInfo, 'version' | 'enabled' | 'createdOn'>[]> =>
      from.versions(item.object, call),
  );
  const versions = all.map(({ version, enabled, createdOn }) => ({
    version,
    enabled,
    createdOn: createdOn.toISOString(),
  }));
  return { ...item, versions };
}

function inventoryItem(
  engine: Engine,
  listing: SecretListing,
  run: Run | undefined,
): Omit<InventoryItem, 'versions'> | undefined {
  if (isCertificatesOwn(engine, listing)) return undefined;
  const base = {
    object: listing.object,
    enabled: listing.enabled,
    createdOn: listing.createdOn.toISOString(),
    ...(listing.expiresOn === undefined ? {} : { expiresOn: listing.expiresOn.toISOString() }),
    ...(run === undefined ? {} : { lastRun: run }),
  };
  try {
    const managed = engine.configuration.managed(listing.tags, listing.object);
    if (managed === undefined) return undefined;
    const { policy, rotator, target } = managed;
    const decision = decide({ now: engine.clock.now(), trigger: 'sweep', force: false, current: listing, policy, run });
    const told = { rotator: rotator.kind, system: target.id, credentialId: target.current };
    return { ...base, ...told, due: decision.due, reason: decision.reason, detail: decision.detail };
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return { ...base, due: false, reason: error.code, detail: error.message, problems: error.problems };
  }
}
