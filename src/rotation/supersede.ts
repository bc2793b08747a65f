import type { Engine } from './engine.ts';
import { isOver, isPublished } from './machine.ts';
import { makesOneMore } from './orphans.ts';
import { isElsewhere } from './plan.ts';
import type { Managed, RotateMessage } from './ports.ts';
import { ended, type Run } from './record.ts';
import type { Session } from './session.ts';

/** `compromised` does not wait for the run before it: that one's old credential is what the new run overwrites. */
export async function supersede(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  managed: Managed,
): Promise<Pick<Run, 'supersedes'>> {
  const old = session.run;
  if (old === undefined || isOver(old) || message.trigger !== 'compromised') return {};
  const run = ended(old, 'done', session.now(), 'superseded: the credential was reported as compromised');
  await session.call('closing the run before', (call) => engine.journal.announceRun(message.object, run, call));
  const left = leftBy(managed, old);
  return left.length === 0 ? {} : { supersedes: left };
}

/** What the old run has left, which nothing overwrites where each rotation makes one more. */
function leftBy(managed: Managed, old: Run): NonNullable<Run['supersedes']> {
  if (!makesOneMore(managed) || old.noRevoke === true || isElsewhere(old, managed) || old.from === undefined) return [];
  const own = isPublished(old) ? { rotationId: old.rotationId, slot: old.from.slot } : { rotationId: old.rotationId };
  return [...(old.supersedes ?? []), own];
}
