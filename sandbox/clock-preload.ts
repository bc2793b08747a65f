/**
 * `node --import ./sandbox/clock-preload.ts program.js`, started with an IPC channel: the program lives in the sandbox's
 * time. The sandbox's process sends `{ offsetMs }` after every change; the offset at the start comes in the environment,
 * and is told when it is taken over. Only "what time is it" is moved (`Date.now()`, `new Date()`, `Date()`); timers run in real time.
 * When the sandbox's process is gone the program ends too, so that no orphan is left behind.
 */
export const CLOCK_OFFSET_VARIABLE = 'SANDBOX_CLOCK_OFFSET_MS';

let offsetMs = Number(process.env[CLOCK_OFFSET_VARIABLE] ?? 0);

const RealDate = Date;
const realNow = Date.now.bind(Date);
const sandboxNow = (): number => realNow() + offsetMs;

const SandboxDate = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [sandboxNow()] : args, newTarget) as object,
  apply: () => new RealDate(sandboxNow()).toString(),
});
RealDate.now = sandboxNow;
Object.defineProperty(RealDate.prototype, 'constructor', { value: SandboxDate, configurable: true, writable: true });
globalThis.Date = SandboxDate;

if (process.connected) {
  process.on('message', (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('offsetMs' in message)) return;
    if (typeof message.offsetMs !== 'number') return;
    offsetMs = message.offsetMs;
    process.send?.({ type: 'clock', offsetMs });
  });
  process.on('disconnect', () => process.exit(0));
}
