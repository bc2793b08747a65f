import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SandboxContext } from '../context.ts';
import { freePort } from '../free-port.ts';
import type { Edition } from './editions.ts';

export const ROOT = 'root';

export interface Server {
  readonly port: number;
  /** For the sandbox's own connections: the log tells them by it. */
  readonly socket: string;
  readonly logFile: string;
  stop(): Promise<void>;
}

/** As small and as quick as a server can be that nobody's data depends on. TLS only, but for the sandbox's own socket. */
const SETTINGS = [
  '--bind-address=127.0.0.1',
  '--require-secure-transport=ON',
  '--tls-version=TLSv1.2,TLSv1.3',
  '--skip-log-bin',
  '--performance-schema=OFF',
  '--max-connections=250',
  '--innodb-buffer-pool-size=16M',
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-fast-shutdown=2',
  '--general-log=ON',
] as const;

const PORTS_TRIED = 5;

/**
 * A real MariaDB or MySQL in a folder of `ctx.dir`, on a free port of 127.0.0.1, with a certificate of the sandbox's authority.
 * @param rootPassword the log never holds it
 * @throws Error with what it said when it does not start
 */
export async function startServer(
  ctx: SandboxContext,
  edition: Edition,
  rootPassword: string,
  names: readonly string[],
  pickPort = freePort,
): Promise<Server> {
  const dir = join(ctx.dir, edition.folder);
  const data = join(dir, 'data');
  const files = await prepare(ctx, dir, edition.init(ROOT, rootPassword), names);
  await install(edition, data);
  for (let left = PORTS_TRIED - 1; ; left -= 1) {
    const port = await pickPort();
    const started = start(edition, data, port, files);
    const { ready, said } = await started.outcome;
    if (ready) {
      // It may hold the password in clear text.
      await rm(files.init);
      return { port, socket: files.socket, logFile: files.log, stop: () => stop(started.child, dir) };
    }
    // The server cannot be asked for "any free port", so one is picked, and may be gone when it comes to listening.
    if (left > 0 && /Can't start server: Bind on TCP\/IP port/.test(said)) continue;
    await rm(dir, { recursive: true, force: true });
    throw new Error(`${edition.title} did not start on port ${port}; it said:\n${said.slice(-4000).trim()}`);
  }
}

interface Files {
  readonly socket: string;
  readonly log: string;
  readonly cert: string;
  readonly key: string;
  readonly init: string;
}

async function prepare(
  ctx: SandboxContext,
  dir: string,
  init: readonly string[],
  names: readonly string[],
): Promise<Files> {
  await mkdir(dir, { recursive: true });
  const { certPem, keyPem } = await ctx.pki.issue(names);
  const at = (name: string): string => join(dir, name);
  const files = {
    socket: at('s'),
    log: at('general.log'),
    cert: at('server.crt'),
    key: at('server.key'),
    init: at('init.sql'),
  };
  await writeFile(files.cert, certPem);
  await writeFile(files.key, keyPem, { mode: 0o600 });
  await writeFile(files.init, `${init.join('\n')}\n`, { mode: 0o600 });
  return files;
}

async function install(edition: Edition, data: string): Promise<void> {
  const [command = '', ...options] = edition.install(data);
  await promisify(execFile)(command, options);
}

interface Started {
  readonly child: ChildProcess;
  readonly outcome: Promise<{ readonly ready: boolean; readonly said: string }>;
}

function start(edition: Edition, data: string, port: number, files: Files): Started {
  const [command = '', ...options] = edition.start;
  const child = spawn(
    command,
    [
      ...options,
      ...SETTINGS,
      `--datadir=${data}`,
      `--port=${port}`,
      `--socket=${files.socket}`,
      `--pid-file=${join(data, 'server.pid')}`,
      `--general-log-file=${files.log}`,
      `--ssl-cert=${files.cert}`,
      `--ssl-key=${files.key}`,
      `--init-file=${files.init}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  // The last resort, when this process ends without stopping the sandbox.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let said = '';
  const outcome = new Promise<{ ready: boolean; said: string }>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-20_000);
      if (/ready for connections/.test(said)) resolve({ ready: true, said });
    });
    child.once('error', (error) => resolve({ ready: false, said: `${said}${error.message}` }));
    // 'close' comes after the last word on stderr.
    child.once('close', () => resolve({ ready: false, said }));
  });
  return { child, outcome };
}

/** A Ctrl-C in a terminal goes to the whole group, the server included: it may be gone already. */
async function stop(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  await rm(dir, { recursive: true, force: true });
}
