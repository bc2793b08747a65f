import type { ChildProcess } from 'node:child_process';
import type { SandboxClock } from './clock.ts';

/**
 * Tells a child process that was started with clock-preload.ts of every change of the clock, and lets the clock wait until
 * the child goes by it. A change while the child is being loaded is taken over then; one that has ended is not waited for.
 * @returns how to stop
 */
export function keepTime(clock: SandboxClock, child: ChildProcess): () => void {
  const waiting = new Map<() => void, number>();
  const reached = (offsetMs: number): void => {
    for (const [done, wanted] of waiting) {
      if (wanted > offsetMs) continue;
      waiting.delete(done);
      done();
    }
  };
  child.on('message', (message: { readonly type?: unknown; readonly offsetMs?: unknown }) => {
    if (message.type === 'clock' && typeof message.offsetMs === 'number') reached(message.offsetMs);
  });
  child.once('exit', () => reached(Number.POSITIVE_INFINITY));
  return clock.onAdvance(
    (offsetMs) =>
      new Promise((resolve) => {
        if (!child.connected) {
          resolve();
          return;
        }
        waiting.set(resolve, offsetMs);
        // A process that is just ending has closed the channel.
        child.send({ offsetMs }, (error) => error !== null && reached(offsetMs));
      }),
  );
}
