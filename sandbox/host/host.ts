/**
 * Starts the sandbox's Functions host as a child process.
 *
 *     const host = await startHost(ctx, { appDir: 'package', env: { KeyturnStorage: '...', ... } });
 *     await fetch(host.url('/api/health'), { headers: { 'x-functions-key': host.keys.default } });
 *     host.webhook('onVaultEvent');              // the address for an Event Grid subscription
 *     await host.invoke('sweep');                // by hand, as the portal does; resolves when it has run
 *     await host.next((run) => run.functionName === 'rotate');
 *     host.kill();                               // SIGKILL: the crash
 *     await host.stop();                         // lets running functions finish
 *
 * The child gets `env` and nothing of this process's own environment but PATH, HOME and the folder for temporary
 * files, trusts the sandbox's certificate authority, resolves its names and follows its clock. Several can run at once.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keepTime } from '../clock-follower.ts';
import type { SandboxContext } from '../context.ts';
import { createKeys } from './keys.ts';
import type { HostKeys } from './keys.ts';
import { OPTIONS_VARIABLE } from './messages.ts';
import type { Invocation, ProcessOptions } from './messages.ts';
import { RunningHost } from './running.ts';

export type { HostKeys } from './keys.ts';
export type { Invocation } from './messages.ts';
export { HOST_USER_AGENT } from './queues.ts';

export interface HostOptions {
  /** The deployable folder: host.json, package.json and what `main` names. */
  readonly appDir: string;
  /** The app's settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Any free one when absent. */
  readonly port?: number;
  /** Between looks into an empty queue; 150 ms when absent. */
  readonly pollMs?: number;
  readonly keys?: Partial<HostKeys>;
  /** 20 s when absent. */
  readonly readyTimeoutMs?: number;
}

export interface Host {
  readonly origin: string;
  readonly port: number;
  readonly pid: number;
  /** What the app registered, sorted. */
  readonly functions: readonly string[];
  readonly keys: HostKeys;
  /** Every run that has ended so far. */
  readonly invocations: readonly Invocation[];
  /** Settles when the process has ended, by whatever means. */
  readonly exited: Promise<void>;
  url(path: string): string;
  webhook(functionName: string): string;
  /** Everything that the process wrote. */
  output(): string;
  /** The next run to end that matches; rejects when the process ends first. */
  next(match: (run: Invocation) => boolean): Promise<Invocation>;
  /** Runs a function that is not HTTP, now, and waits for its end. */
  invoke(functionName: string, input?: string): Promise<Invocation>;
  stop(): Promise<void>;
  kill(): void;
}

export async function startHost(ctx: SandboxContext, options: HostOptions): Promise<Host> {
  const keys = createKeys(options.keys);
  const processOptions: ProcessOptions = {
    appDir: resolve(options.appDir),
    port: options.port ?? 0,
    pollMs: options.pollMs ?? 150,
    keys,
    tellAnswers: ctx.transcript.kept,
    indexOnly: false,
  };
  const child = spawnHost(processOptions, {
    ...(options.env?.['NODE_EXTRA_CA_CERTS'] === undefined ? await trust(ctx) : {}),
    SANDBOX_CLOCK_OFFSET_MS: String(ctx.clock.offsetMs),
    ...options.env,
  });
  const deaf = keepTime(ctx.clock, child);
  const running = new RunningHost(child);
  try {
    await running.ready(options.readyTimeoutMs ?? 20_000);
  } catch (error) {
    deaf();
    running.kill();
    throw error;
  }
  void running.exited.then(() => {
    deaf();
    ctx.transcript.wrote('output of the app', running.output);
    ctx.transcript.wrote('answers of the app', running.answers.join('\n'));
    ctx.transcript.wrote('errors of functions', running.invocations.map(({ error = '' }) => error).join('\n'));
  });
  return face(running, keys);
}

function face(running: RunningHost, keys: HostKeys): Host {
  const origin = `http://127.0.0.1:${running.port}`;
  const { port, pid, functions, invocations, exited } = running;
  return {
    ...{ origin, port, pid, functions, keys, invocations, exited },
    url: (path) => `${origin}${path}`,
    webhook: (name) => `${origin}/runtime/webhooks/EventGrid?functionName=${name}&code=${keys.eventGrid}`,
    output: () => running.output,
    next: (match) => running.next(match),
    async invoke(functionName, input) {
      const ended = running.next((run) => run.functionName === functionName);
      ended.catch(() => undefined);
      const answer = await fetch(`${origin}/admin/functions/${functionName}`, {
        method: 'POST',
        headers: { 'x-functions-key': keys.master, 'content-type': 'application/json' },
        body: JSON.stringify(input === undefined ? {} : { input }),
      });
      if (answer.status !== 202) throw new Error(`POST /admin/functions/${functionName} answered ${answer.status}`);
      return ended;
    },
    stop: () => running.stop(),
    kill: () => running.kill(),
  };
}

/** Spawns the process; also used to measure a cold start. */
export function spawnHost(options: ProcessOptions, env: Readonly<Record<string, string>>): ChildProcess {
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const preloads = ['../dns-preload.ts', '../clock-preload.ts'].flatMap((path) => [
    '--import',
    new URL(path, import.meta.url).href,
  ]);
  const own = Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'SystemRoot'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return spawn(process.execPath, [...preloads, file('./process.ts')], {
    cwd: options.appDir,
    env: { ...own, ...env, [OPTIONS_VARIABLE]: JSON.stringify(options) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** Node reads its extra certificate authorities once, when the process starts. */
async function trust(ctx: SandboxContext): Promise<Record<string, string>> {
  const path = join(ctx.dir, `host-ca-${randomUUID()}.pem`);
  await writeFile(path, ctx.pki.caPem);
  return { NODE_EXTRA_CA_CERTS: path };
}
