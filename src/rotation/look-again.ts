import { resumeMessage } from './admit.ts';
import type { Engine, Outcome } from './engine.ts';
import type { Session } from './session.ts';

const LONGEST_MS = 3600_000;

/** After as long again as it has taken so far: soon at first, every hour in the end. Pure. */
export function growingDelay(firstMs: number, waitedMs: number): number {
  return Math.min(Math.max(firstMs, waitedMs), LONGEST_MS);
}

/** The run waits, and comes back by itself. Died between row and message: the sweep brings it back. */
export async function lookAgainLater(
  engine: Engine,
  session: Session,
  detail: string,
  delayMs: number,
): Promise<Outcome> {
  const { rotationId } = session.active;
  session.clear('blocked', 'lastError');
  session.change({
    state: 'waiting',
    attempts: 0,
    wakeAt: new Date(session.now().getTime() + delayMs).toISOString(),
  });
  await session.saveReleased();
  await session.call('scheduling the next look', (call) =>
    engine.queue.rotate(resumeMessage(session.active, session), delayMs, call),
  );
  return { outcome: 'waiting', rotationId, detail };
}
