import { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { RotationError, type Problem } from './errors.ts';
import { decide } from './policy.ts';
import type { ObjectRef, SecretListing } from './ports.ts';
import type { Run } from './record.ts';
import { REQUEST_MS } from './runbook.ts';

export interface InventoryItem {
  readonly object: ObjectRef;
  readonly version: string;
  readonly enabled: boolean;
  readonly createdOn: string;
  readonly expiresOn?: string;
  readonly rotator?: string;
  readonly system?: string;
  readonly credentialId?: string;
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly problems?: readonly Problem[];
  readonly lastRun?: Run;
}

/**
 * Every managed object of the served vaults: what it is, whether it is due and why, and its last run.
 * @param vaults which to look into
 */
export async function inventory(engine: Engine, vaults: readonly string[]): Promise<readonly InventoryItem[]> {
  const scope = new CallScope(engine.clock, REQUEST_MS, REQUEST_MS);
  const items: InventoryItem[] = [];
  for (const vault of vaults) {
    const runs = new Map<string, Run>();
    const ledger = await scope.run('reading the ledger', (call) => engine.journal.runs({ vault, limit: 5000 }, call));
    for (const { object, run } of ledger) if (!runs.has(object.name)) runs.set(object.name, run);
    await scope.run(`listing ${vault}`, async (call) => {
      for await (const listing of engine.vault.list(vault, call)) {
        const item = inventoryItem(engine, listing, runs.get(listing.object.name));
        if (item !== undefined) items.push(item);
      }
    });
  }
  return items;
}

function inventoryItem(engine: Engine, listing: SecretListing, run: Run | undefined): InventoryItem | undefined {
  const base = {
    object: listing.object,
    version: listing.version,
    enabled: listing.enabled,
    createdOn: listing.createdOn.toISOString(),
    ...(listing.expiresOn === undefined ? {} : { expiresOn: listing.expiresOn.toISOString() }),
    ...(run === undefined ? {} : { lastRun: run }),
  };
  try {
    const managed = engine.configuration.managed(listing.tags);
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
