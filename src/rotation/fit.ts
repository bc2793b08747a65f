import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { refuseShared } from './ownership.ts';
import { nextVersion, type Plan } from './plan.ts';
import type { Issued } from './ports.ts';
import type { Session } from './session.ts';

/**
 * What `set` has made, before readers are given it: it lasts longer than the lead time, and where it was there before, no other
 * secret hands it out.
 * @throws CONFIG_INVALID, SLOT_OWNED; the value before is still the current one. Never where the value before is out of use
 */
export async function refuseUnfit(engine: Engine, session: Session, planned: Plan, issued: Issued): Promise<void> {
  const { rotator, target } = planned.managed;
  if (rotator.capabilities.overlap === 'none') return;
  if (issued.adopted === true) await refuseShared(engine, session, target.id, [issued.slot]);
  const { expiresOn } = nextVersion(planned, issued, session.active.rotationId, session.now());
  // A short one is better than one that is known to others, or is over.
  if (session.active.compromised || isOver(planned, session.now())) return;
  if (expiresOn.getTime() - planned.managed.policy.leadTimeMs <= session.now().getTime()) {
    throw shortLived(session, planned, expiresOn);
  }
}

function isOver({ current: { expiresOn } }: Plan, now: Date): boolean {
  return expiresOn !== undefined && expiresOn <= now;
}

/** The tags are checked for their own validity (`readLifetime`); this end is the system's. */
function shortLived({ object }: Session, { managed: { target, policy } }: Plan, expiresOn: Date): RotationError {
  const days = policy.leadTimeMs / 86_400_000;
  const vault = new URL(object.vault).hostname.split('.', 1)[0] ?? '';
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    effect: 'applied',
    message: `what ${target.id} has made for ${describeObject(object)} ends at ${expiresOn.toISOString()}, within the lead time of ${days} days: it would be due at once, and the next one again`,
    remedy: `Have it made to last longer, or set the tag LeadTimeDays to less (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name ${vault} --name ${object.name} --tags LeadTimeDays=<fewer days> ...; the rotation then goes on by itself.`,
  });
}
