import type { Engine, Outcome } from './engine.ts';
import { isOver, isPublished } from './machine.ts';
import { goesOn } from './new-run.ts';
import type { RotateMessage } from './ports.ts';
import { ended, type Run } from './record.ts';
import type { Session } from './session.ts';

/** The open run that the message goes on with. */
export function openRun(session: Session, message: RotateMessage): Run | undefined {
  const { run } = session;
  return run !== undefined && !isOver(run) && goesOn(run, message) ? run : undefined;
}

/** A run that failed before it was decided on is decided on by what had asked for it, unless a person asks now. */
export function askedFor(run: Run, message: RotateMessage): RotateMessage {
  const asked = message.trigger === 'resume' ? (run.asked ?? { trigger: 'sweep' as const }) : message;
  const { version: _version, ...rest } = message;
  return {
    ...rest,
    trigger: asked.trigger,
    rotationId: run.rotationId,
    force: message.force === true || run.forced,
    ...(asked.version === undefined ? {} : { version: asked.version }),
  };
}

/** The run has lost its object, or is not due any more: nothing is done. */
export async function abandon(session: Session, run: Run, why: string): Promise<Outcome> {
  session.clear('blocked', 'lastError', 'wakeAt');
  session.change({ state: 'cancelled', finishedAt: session.now().toISOString() });
  session.note({ step: run.step, at: session.now().toISOString(), ms: 0, outcome: 'skipped', detail: why });
  await session.saveReleased();
  return { outcome: 'cancelled', rotationId: run.rotationId, detail: why };
}

/** A key's or certificate's run that still waited for its users is over: the next one brings them to a newer version. */
export async function supersedeFollower(engine: Engine, session: Session): Promise<void> {
  const old = session.run;
  if (old === undefined || isOver(old)) return;
  const run = isPublished(old)
    ? ended(old, 'done', session.now(), 'superseded: its users are brought to a newer version')
    : ended(old, 'cancelled', session.now(), 'superseded');
  await session.call('closing the run before', (call) => engine.journal.announceRun(session.object, run, call));
}
