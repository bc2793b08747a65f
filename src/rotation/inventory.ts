import { CallScope } from './calls.ts';
import { isCertificatesOwn } from './certificates/own.ts';
import { CERTIFICATES } from './certificates/inventory.ts';
import type { Engine } from './engine.ts';
import { objectKey } from './ids.ts';
import { listedItem, type InventoryItem, type Judged, type Listed } from './inventory-item.ts';
import { KEYS } from './keys/inventory.ts';
import { inventoryVaultMade } from './vault-made/inventory.ts';
import { decide } from './policy.ts';
import type { SecretListing, VersionInfo } from './ports.ts';
import type { Run } from './record.ts';
import { REQUEST_MS } from './runbook.ts';

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
    const found: Listed[] = [];
    await scope.run(`listing ${vault}`, async (call) => {
      for await (const listing of engine.vault.list(vault, call)) {
        const run = runs.get(objectKey(listing.object));
        const item = listedItem(listing, run, (one) => judge(engine, one, run));
        if (item !== undefined) found.push(item);
      }
    });
    for (const kind of [KEYS, CERTIFICATES]) {
      const more = await inventoryVaultMade(engine, kind, scope, vault, (object) => runs.get(objectKey(object)));
      found.push(...more.items);
      if (more.problem !== undefined) problems.push(more.problem);
    }
    for (let from = 0; from < found.length; from += AT_ONCE) {
      items.push(
        ...(await Promise.all(found.slice(from, from + AT_ONCE).map((item) => withVersions(engine, scope, item)))),
      );
    }
  }
  return { objects: items, problems };
}

async function withVersions(engine: Engine, scope: CallScope, item: Listed): Promise<InventoryItem> {
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

function judge(engine: Engine, listing: SecretListing, run: Run | undefined): Judged | undefined {
  if (isCertificatesOwn(engine, listing)) return undefined;
  const managed = engine.configuration.managed(listing.tags, listing.object);
  if (managed === undefined) return undefined;
  const { policy, rotator, target } = managed;
  const decision = decide({ now: engine.clock.now(), trigger: 'sweep', force: false, current: listing, policy, run });
  return { rotator: rotator.kind, system: target.id, credentialId: target.current, decision };
}
