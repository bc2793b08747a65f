/**
 * The sandbox's Functions host, one process per instance; `startHost` starts it. It loads the built app through
 * package.json `main` as the platform's worker does and fires its triggers. Not here: function time-outs, extension
 * retry policies, the singleton lock of timers (start several hosts with the timer switched off in all but one:
 * `AzureWebJobs.<name>.Disabled`), output bindings, scaling.
 */
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { Core, installCore } from './core.ts';
import type { InvocationResponse, RegisteredFunction, TriggerInput } from './core.ts';
import { loadApp } from './load-app.ts';
import { OPTIONS_VARIABLE } from './messages.ts';
import type { HostMessage, Invocation, ProcessOptions, StopMessage } from './messages.ts';
import { QueueListener } from './queues.ts';
import { startServer } from './server.ts';
import { isDisabled, queueConnection, readHostJson, resolvePercent } from './settings.ts';
import { scheduleOf, watchTimer } from './timers.ts';

const options = JSON.parse(process.env[OPTIONS_VARIABLE] ?? '') as ProcessOptions;
Reflect.deleteProperty(process.env, OPTIONS_VARIABLE);

const log = (level: string, category: string, message: string): void => {
  console.log(`[${new Date().toISOString()}] ${level} ${category} ${message}`);
};

const core = new Core(log);
installCore(core);

/** Resolves when the message is on its way, or cannot be. */
function send(message: HostMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });
}

/** Runs a function to its end and tells its outcome, once, in the log and to the parent. */
async function call(functionName: string, input: TriggerInput): Promise<InvocationResponse | undefined> {
  const invocationId = randomUUID();
  const began = performance.now();
  const done = (outcome: Pick<Invocation, 'succeeded' | 'error'>): void => {
    const durationMs = Math.round(performance.now() - began);
    void send({ type: 'invocation', invocation: { functionName, invocationId, durationMs, ...outcome } });
    const word = outcome.succeeded ? 'Succeeded' : 'Failed';
    log(
      outcome.succeeded ? 'information' : 'error',
      `Function.${functionName}`,
      `Executed '${functionName}' (${word})`,
    );
  };
  try {
    const response = await core.invoke(functionName, invocationId, input);
    done({ succeeded: true });
    return response;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    log('error', `Function.${functionName}`, error.stack ?? error.message);
    done({ succeeded: false, error: error.message });
    return undefined;
  }
}

const run = async (name: string, input: TriggerInput): Promise<boolean> => (await call(name, input)) !== undefined;

async function start(): Promise<() => Promise<void>> {
  const settings = await readHostJson(options.appDir);
  const began = performance.now();
  const functions = await loadApp(core, options.appDir);
  await send({ type: 'indexed', functions, loadMs: performance.now() - began });
  if (options.indexOnly) return async () => undefined;
  const off = (name: string): boolean => isDisabled(name, process.env);
  const enabled = [...core.functions.values()].filter((fn) => !off(fn.metadata.name));
  const ofType = (type: string): typeof enabled => enabled.filter((fn) => fn.trigger.type.toLowerCase() === type);
  const schedules = ofType('timertrigger').map((fn) => ({ fn, schedule: scheduleOf(fn, process.env) }));
  const listeners = ofType('queuetrigger').map(
    (fn) =>
      new QueueListener({
        functionName: fn.metadata.name,
        queueName: resolvePercent(String(fn.trigger['queueName']), fn.metadata.name, process.env),
        connection: queueConnection(connectionName(fn), process.env),
        settings: settings.queues,
        pollMs: Math.min(options.pollMs, settings.queues.maxPollingIntervalMs),
        run,
        log,
      }),
  );
  const { routePrefix } = settings;
  const { keys, port } = options;
  const onAnswer = options.tellAnswers ? (text: string) => void send({ type: 'answer', text }) : undefined;
  const { functions: all } = core;
  const face = await startServer({ port, routePrefix, keys, functions: all, isDisabled: off, run, call, onAnswer });
  for (const listener of listeners) listener.start();
  const timers = schedules.map(({ fn, schedule }) => watchTimer(fn, schedule, run));
  await send({ type: 'ready', port: face.port });
  return () => stop(face.server, listeners, timers);
}

function connectionName(fn: RegisteredFunction): string {
  const { connection } = fn.trigger;
  return typeof connection === 'string' ? connection : 'AzureWebJobsStorage';
}

async function stop(
  server: Server,
  listeners: readonly QueueListener[],
  timers: readonly (() => void)[],
): Promise<void> {
  for (const cancel of timers) cancel();
  await Promise.all(listeners.map((listener) => listener.stop()));
  server.close();
  server.closeAllConnections();
  await core.runHooks('appTerminate', {});
}

async function main(): Promise<void> {
  // Whoever started this host is gone: leave no process behind.
  process.once('disconnect', () => process.exit(0));
  const shutDown = await start();
  if (options.indexOnly) process.exit(0);
  process.on('message', (message: Partial<StopMessage>) => {
    if (message.type === 'stop') void shutDown().finally(() => process.exit(0));
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(1);
});
