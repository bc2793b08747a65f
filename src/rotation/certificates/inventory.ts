import type { Engine } from '../engine.ts';
import type { Judged } from '../inventory-item.ts';
import type { SecretListing } from '../ports.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import type { Kind } from '../vault-made/inventory.ts';
import { certificateUrl } from './look.ts';

export const CERTIFICATES: Kind = { noun: 'certificates', judge };

function judge(engine: Engine, listing: SecretListing): Judged | undefined {
  const managed = engine.configuration.managedCertificate(listing.tags);
  if (managed === undefined) return undefined;
  const { policy, rotator } = managed;
  const now = engine.clock.now();
  const decision = decideVaultMade({ now, trigger: 'sweep', force: false, current: listing, policy });
  return { rotator, system: certificateUrl(listing.object), decision };
}
