import type { CallScope } from './calls.ts';
import { describeObject, type Engine } from './engine.ts';
import { RotationError } from './errors.ts';
import { isOver } from './machine.ts';
import { slotOwned } from './plan.ts';
import type { Managed, ObjectRef, SecretListing, Slot, Target } from './ports.ts';
import type { Session } from './session.ts';

/**
 * Makes sure that no other secret rotates the same pair. Asked once, then kept in the journal row; where each rotation makes
 * a credential of its own, nothing is kept, and only the one in hand must not be another secret's, too.
 * @param own the credentials that are going to be changed or revoked
 */
export async function takeSlots(
  engine: Engine,
  session: Session,
  { rotator, target }: Managed,
  own: readonly Slot[] = heldSlots(target),
): Promise<void> {
  if (rotator.capabilities.overlap === 'many') return refuseShared(engine, session, target.id, own);
  const owns = session.record.owns;
  if (owns?.system === target.id && sameSlots(owns.slots, target.slots)) return;
  await refuseShared(engine, session, target.id, own);
  const claim = () =>
    session.call('claiming the slots', (call) =>
      engine.journal.claimSlots(target.id, target.slots, session.object, call),
    );
  let owner = await claim();
  if (owner !== undefined && (await hasLeft(engine, session, owner, target))) {
    const left = owner;
    await disown(engine, session.scope, left);
    await session.call('freeing the slots', (call) => engine.journal.releaseSlots(target.id, target.slots, left, call));
    owner = await claim();
  }
  if (owner !== undefined) throw slotOwned(target.id, owner);
  session.own({ system: target.id, slots: target.slots });
}

/** What of its system a secret holds: its slots or, where there are none, the credential in hand, if it has a name. */
function heldSlots({ slots, current }: Target): readonly Slot[] {
  return slots.length > 0 || current === '' ? slots : [current];
}

/**
 * Before the first rotation nobody owns a slot. Another secret whose current value lies in one of ours would be locked out: at
 * once where it is the idle one (key1 in one vault, key2 in another), at the revoke where it is the same. So the vaults are
 * looked through, once in the life of a pair.
 * @throws SLOT_OWNED
 */
export async function refuseShared(
  engine: Engine,
  session: Session,
  system: string,
  slots: readonly Slot[],
): Promise<void> {
  if (slots.length === 0) return;
  const ours = describeObject(session.object);
  for (const vault of engine.configuration.vaults) {
    const owner = await session.call(`looking through ${vault}`, async (call) => {
      for await (const { object, tags } of engine.vault.list(vault, call)) {
        if (describeObject(object) !== ours && handsOut(engine, { object, tags }, system, slots)) return object;
      }
      return undefined;
    });
    if (owner !== undefined) throw slotOwned(system, owner);
  }
}

/** Do these tags say that the secret hands out one of the slots? */
function handsOut(
  engine: Engine,
  { object, tags }: Pick<SecretListing, 'object' | 'tags'>,
  system: string,
  slots: readonly Slot[],
): boolean {
  try {
    const theirs = engine.configuration.managed(tags, object)?.target;
    return theirs?.id === system && meets([theirs.current], slots);
  } catch (error) {
    // Tags that are wrong are reported where that secret is looked at.
    if (error instanceof RotationError) return false;
    throw error;
  }
}

/**
 * The owner keeps in its row what it owns: without that it asks again before it rotates or revokes anything.
 * @throws LEASE_LOST when the row changed meanwhile
 */
export async function disown(engine: Engine, scope: CallScope, owner: ObjectRef): Promise<void> {
  const entry = await scope.run('reading the owner', (call) => engine.journal.read(owner, call));
  if (entry?.record.owns === undefined) return;
  const { owns: _owns, ...rest } = entry.record;
  await scope.run('telling the owner', (call) => engine.journal.write(rest, entry.etag, call));
}

function sameSlots(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((slot) => b.includes(slot));
}

/**
 * The owner's secret is gone, or its tags name another system now, or other accounts of this one. Anything unclear: it has not
 * left.
 */
async function hasLeft(engine: Engine, session: Session, owner: ObjectRef, wanted: Target): Promise<boolean> {
  if (!engine.configuration.serves(owner.vault)) return false;
  try {
    const theirs = await session.call('looking at the owner', (call) => engine.vault.current(owner, call));
    const now = engine.configuration.managed(theirs.tags, owner)?.target;
    if (now?.id !== wanted.id) return true;
    return !meets(now.slots, wanted.slots) && !(await isStillNeeded(engine, session, owner, wanted.slots));
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return true;
    if (error instanceof RotationError && error.recovery !== 'retry') return false;
    throw error;
  }
}

/** An open run of the owner keeps the account for the readers of the version before, until it revokes it. */
async function isStillNeeded(
  engine: Engine,
  session: Session,
  owner: ObjectRef,
  slots: readonly Slot[],
): Promise<boolean> {
  const entry = await session.call('reading the owner', (call) => engine.journal.read(owner, call));
  const run = entry?.record.run;
  if (run === undefined || isOver(run)) return false;
  return meets([run.from?.slot ?? '', run.to?.slot ?? ''], slots);
}

/** Have they one in common? In the spelling of the rows that say who owns a slot: any. */
function meets(some: readonly Slot[], others: readonly Slot[]): boolean {
  return some.some((one) => others.some((other) => one.toLowerCase() === other.toLowerCase()));
}

/**
 * Secrets whose current credential lies in another one's pair: whichever is rotated first takes the other's away. Pure.
 * @returns each with the system that they share
 */
export function sharedPairs(
  secrets: readonly { readonly object: ObjectRef; readonly target: Target }[],
): readonly { readonly object: ObjectRef; readonly system: string }[] {
  const key = ({ id }: Target, slot: string): string => `${id}|${slot.toLowerCase()}`;
  const holders = new Map<string, (typeof secrets)[number][]>();
  for (const secret of secrets) {
    for (const slot of heldSlots(secret.target)) {
      const held = key(secret.target, slot);
      holders.set(held, [...(holders.get(held) ?? []), secret]);
    }
  }
  const shared = new Map<ObjectRef, string>();
  for (const { target } of secrets) {
    const all = holders.get(key(target, target.current)) ?? [];
    if (all.length > 1) for (const { object } of all) shared.set(object, target.id);
  }
  return [...shared].map(([object, system]) => ({ object, system }));
}
