import type { CallScope } from './calls.ts';
import type { Engine } from './engine.ts';
import { credentialIdOf } from './plan.ts';
import type { Managed, ObjectRef } from './ports.ts';
import type { Run } from './record.ts';

/**
 * Takes out of use what a crash or a lost answer of `set` has left: credentials with the rotation's id on them, of which no
 * record and no reader knows: one that an enabled version of the secret names is kept. Only for systems where each rotation makes one more (overlap `many`); may be repeated.
 * @param scope under the lease: whoever holds it is the only one who makes credentials with this id
 * @throws what the rotator throws; then some may be left, and are found again
 */
export async function revokeOrphans(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  { rotator, target }: Managed,
  { rotationId }: Pick<Run, 'rotationId'>,
): Promise<void> {
  const live = await scope.run('looking for what an interruption has left', (call) => rotator.list(target, call));
  const orphans = live.filter((credential) => credential.rotationId === rotationId);
  if (orphans.length === 0) return;
  const versions = await scope.run('listing the versions', (call) => engine.vault.versions(object, call));
  const handedOut = new Set([target.current.toLowerCase()]);
  for (const { enabled, tags } of versions) if (enabled) handedOut.add(credentialIdOf(tags)?.toLowerCase() ?? '');
  for (const { credentialId } of orphans) {
    if (handedOut.has(credentialId.toLowerCase())) continue;
    await scope.run(`revoking the orphan ${credentialId}`, (call) =>
      rotator.revoke(target, credentialId, { endSessions: false }, call),
    );
    engine.log('warn', 'an orphan of an interrupted rotation was revoked', { rotationId, credentialId });
  }
}

/**
 * Was `set` begun more than once, or is that not known any more? Then a listing may have lagged behind the first time, and have
 * hidden what was made: so it is looked for once more when the rotation ends. Each attempt notes a claim of its own.
 */
export function mayHaveLeftOne({ steps }: Pick<Run, 'steps'>): boolean {
  return steps.filter(({ step }) => step === 'claim').length !== 1;
}

/** Does each rotation of this system make one more credential, of which nobody knows before it is published? */
export function makesOneMore({ rotator }: Managed): boolean {
  const { minting, overlap } = rotator.capabilities;
  return overlap === 'many' && minting === 'system';
}
