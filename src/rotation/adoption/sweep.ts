import type { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { PropagateMessage } from '../ports.ts';
import { isHeld } from '../record.ts';

/** The queue's own message should have come by then. */
const LATE_MS = 60_000;
/** Whoever is without the version is looked at for a month; nothing is looked for any longer than that. */
const GIVEN_UP_MS = 31 * 24 * 3600_000;

/** Comes back for consumers whose message is late or was never sent. It only enqueues. @param report what could not be read */
export async function sweepAdoptions(
  engine: Engine,
  scope: CallScope,
  report: (error: RotationError) => void,
): Promise<void> {
  if (!engine.discovery.enabled) return;
  const late: PropagateMessage[] = [];
  const now = engine.clock.now();
  await scope.run('reading who uses what', async (call) => {
    for await (const entry of engine.adoptions.open(call)) {
      if (entry instanceof RotationError) {
        report(entry);
        continue;
      }
      const { object, version, wakeAt, lease, startedAt } = entry.record;
      const isLate = Date.parse(wakeAt ?? '') + LATE_MS <= now.getTime();
      if (now.getTime() > Date.parse(startedAt) + GIVEN_UP_MS) continue;
      if (isLate && !isHeld(lease, now)) late.push({ object, version, resumes: true });
    }
  });
  for (const message of late) await scope.run('enqueueing', (call) => engine.queue.propagate(message, 0, call));
}
