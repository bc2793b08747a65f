import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until there is an answer, and gives it. For what gives no sign of its own.
 * @throws Error that says what did not come, and how things stood (`state`)
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  { timeoutMs = 45_000, everyMs = 50, state = (): unknown => undefined } = {},
): Promise<T> {
  const limit = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > limit)
      throw new Error(`${what} did not come in ${timeoutMs} ms: ${JSON.stringify(state())}`);
    await pause(everyMs);
  }
}
