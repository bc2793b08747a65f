import type { Engine } from '../engine.ts';
import type { Judged } from '../inventory-item.ts';
import type { SecretListing } from '../ports.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import type { Kind } from '../vault-made/inventory.ts';
import { keyUrl } from './look.ts';

export const KEYS: Kind = { noun: 'keys', judge };

function judge(engine: Engine, listing: SecretListing): Judged | undefined {
  const managed = engine.configuration.managedKey(listing.tags);
  if (managed === undefined) return undefined;
  const { policy, rotator, users } = managed;
  const now = engine.clock.now();
  const decision = decideVaultMade({ now, trigger: 'sweep', force: false, current: listing, policy });
  return { rotator, system: keyUrl(listing.object), users, decision };
}
