/** Timer triggers, on the sandbox's clock: a clock that jumps over due moments fires once, late, as the platform does. */
import type { RegisteredFunction, TriggerInput } from './core.ts';
import { parseSchedule } from './ncrontab.ts';
import type { Schedule } from './ncrontab.ts';
import { resolvePercent } from './settings.ts';

export type Run = (functionName: string, input: TriggerInput) => Promise<boolean>;

const TICK_MS = 100;

/** The data of one firing; also what an invocation by hand gets. */
export function timerInput(now: Date, next: Date, last: Date | undefined, isPastDue: boolean): TriggerInput {
  const timer = {
    Schedule: { AdjustForDST: true },
    ScheduleStatus: {
      Last: last?.toISOString() ?? '0001-01-01T00:00:00',
      Next: next.toISOString(),
      LastUpdated: now.toISOString(),
    },
    IsPastDue: isPastDue,
  };
  const data = { json: JSON.stringify(timer) };
  return { data, metadata: { TimerTrigger: { string: now.toISOString() } } };
}

/** The schedule of a timer function; throws when it is malformed or names an absent setting. */
export function scheduleOf(fn: RegisteredFunction, env: NodeJS.ProcessEnv): Schedule {
  return parseSchedule(resolvePercent(String(fn.trigger['schedule']), fn.metadata.name, env));
}

/** Starts watching one timer; the returned function stops it. */
export function watchTimer(fn: RegisteredFunction, schedule: Schedule, run: Run): () => void {
  const { name } = fn.metadata;
  let due = schedule.next(new Date());
  let last: Date | undefined;
  let running = false;
  const fire = async (isPastDue: boolean): Promise<void> => {
    running = true;
    const now = new Date();
    due = schedule.next(now);
    await run(name, timerInput(now, due, last, isPastDue));
    last = now;
    running = false;
  };
  const timer = setInterval(() => {
    const late = Date.now() - due.getTime();
    if (late >= 0 && !running) void fire(late > 10 * TICK_MS);
  }, TICK_MS);
  if (fn.trigger['runOnStartup'] === true) void fire(false);
  return () => clearInterval(timer);
}
