/** The Azurite process: started on free ports with the sandbox's certificate, told of the clock, killed at the end. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { keepTime } from '../clock-follower.ts';
import type { SandboxContext } from '../context.ts';

export interface AzuriteProcess {
  readonly pid: number;
  readonly blobPort: number;
  readonly queuePort: number;
  readonly tablePort: number;
  /** Kills it and waits until it is gone. Everything it held is lost: it keeps all in memory. */
  stop(): Promise<void>;
}

const PRELOAD = new URL('../clock-preload.ts', import.meta.url).href;
const LISTENING = /Azurite (Blob|Queue|Table) service is successfully listening at https:\/\/[^:]+:(\d+)/g;
const START_MS = 60_000;

export async function startAzuriteProcess(ctx: SandboxContext): Promise<AzuriteProcess> {
  const folder = join(ctx.dir, 'azurite');
  await mkdir(folder, { recursive: true });
  const identity = await ctx.pki.issue(['127.0.0.1', 'localhost']);
  await writeFile(join(folder, 'cert.pem'), identity.certPem);
  await writeFile(join(folder, 'key.pem'), identity.keyPem, { mode: 0o600 });
  const child = spawn(process.execPath, ['--import', PRELOAD, ...commandLine(folder)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, SANDBOX_CLOCK_OFFSET_MS: String(ctx.clock.offsetMs) },
  });
  const exited = once(child, 'exit');
  const deaf = keepTime(ctx.clock, child);
  const stop = async (): Promise<void> => {
    deaf();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
  };
  try {
    const ports = await listening(child);
    return {
      pid: child.pid ?? 0,
      blobPort: port(ports, 'Blob'),
      queuePort: port(ports, 'Queue'),
      tablePort: port(ports, 'Table'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function commandLine(folder: string): readonly string[] {
  const manifest = createRequire(import.meta.url).resolve('azurite/package.json');
  const anyPort = ['blob', 'queue', 'table'].flatMap((service) => [
    `--${service}Port`,
    '0',
    `--${service}Host`,
    '127.0.0.1',
  ]);
  const keepAlive = ['queue', 'table'].flatMap((service) => [`--${service}KeepAliveTimeout`, '300']);
  return [
    join(manifest, '..', 'dist', 'src', 'azurite.js'),
    ...['--inMemoryPersistence', '--silent', '--disableTelemetry', '--skipApiVersionCheck', '--disableProductStyleUrl'],
    ...['--oauth', 'basic', '--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')],
    ...[...anyPort, ...keepAlive],
  ];
}

/** Waits until the three services say that they listen; rejects with what the process said if it ends or takes too long. */
function listening(child: ChildProcess): Promise<ReadonlyMap<string, number>> {
  return new Promise((resolve, reject) => {
    let said = '';
    const failed = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`Azurite ${why}; it said:\n${said.trim()}`));
    };
    const timer = setTimeout(failed, START_MS, `did not listen within ${START_MS / 1000} s`);
    const hear = (chunk: Buffer): void => {
      if (said.length > 20_000) return;
      said += chunk.toString('utf8');
      const ports = new Map([...said.matchAll(LISTENING)].map((match) => [match[1] ?? '', Number(match[2])]));
      if (ports.size < 3) return;
      clearTimeout(timer);
      resolve(ports);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', (error) => failed(`cannot be started (${error.message})`));
    child.once('exit', (code, signal) => failed(`ended with ${code ?? signal ?? 'no code'}`));
  });
}

function port(ports: ReadonlyMap<string, number>, service: string): number {
  const found = ports.get(service);
  if (found === undefined || found === 0) throw new Error(`Azurite did not say on which port ${service} listens`);
  return found;
}
