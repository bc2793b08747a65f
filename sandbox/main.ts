/** `npm run sandbox`: the simulated Azure with the app in it, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { banner } from './banner.ts';
import { seedConsumers } from './consumers/consumers.ts';
import type { Host } from './host/host.ts';
import { partsHere } from './parts.ts';
import { channelsSetting } from './receiver/setting.ts';
import { seedSamples } from './samples.ts';
import { startSandbox } from './sandbox.ts';
import type { Part, Sandbox } from './sandbox.ts';

const HELP = `npm run sandbox [-- options]

Starts a small Azure on this machine: Key Vault, managed identity, Event Grid, ARM, Blob, Microsoft Graph and its
log-in, services that serve certificates, queues and tables (Azurite), PostgreSQL, MariaDB where the machine has one, an SQL Server endpoint, a provider
of API keys, an endpoint that rotates by itself, and a Functions host with the app. It prints addresses and commands,
and runs until Ctrl-C; then nothing is left of it.

  --app <folder>   the packaged app to load; 'package' when absent (npm run package makes it)
  --no-app         without the app
  --no-samples     without the sample secrets, certificates and their consumers
  --quiet          without the app's log
  --help           this text

Ports are fixed where they are free (control 18080, vault 18443, app 17071, PostgreSQL 15432, MariaDB 13306, SQL 11433),
any others where they are not.
`;

const PORTS: Readonly<Record<Exclude<Part, 'eventgrid' | 'services'>, number>> = {
  control: 18080,
  identity: 18081,
  vault: 18443,
  topic: 18444,
  arm: 18445,
  blob: 18446,
  azurite: 18447,
  graph: 18449,
  keys: 18451,
  endpoint: 18452,
  tls: 18453,
  receiver: 18454,
  postgres: 15432,
  mysql: 13306,
  tds: 11433,
};
const APP_PORT = 17071;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  const free = await listening;
  if (free) await new Promise((done) => server.close(done));
  return free;
}

/** The fixed ports that can be had; some parts need two in a row. */
async function freePorts(): Promise<Partial<Record<Part, number>>> {
  const free: Partial<Record<Part, number>> = {};
  for (const [part, port] of Object.entries(PORTS) as [Part, number][]) {
    const both = !(part === 'azurite' || part === 'graph') || (await isFree(port + 1));
    if (both && (await isFree(port))) free[part] = port;
  }
  return free;
}

async function startApp(sandbox: Sandbox, appDir: string, quiet: boolean): Promise<Host> {
  const port = (await isFree(APP_PORT)) ? { port: APP_PORT } : {};
  const env = { KEYTURN_CHANNELS: channelsSetting(sandbox, { advisory: true }) };
  const host = await sandbox.startHost({ appDir, env, ...port });
  await sandbox.subscribe(host);
  if (!quiet) follow(host);
  return host;
}

async function seed(sandbox: Sandbox): Promise<void> {
  await seedSamples(sandbox);
  await seedConsumers(sandbox, { expiresInMs: 60 * 86_400_000 });
}

/** Prints what the app has written since the last look. */
function follow(host: Host): void {
  let shown = host.output().length;
  const timer = setInterval(() => {
    const text = host.output();
    process.stdout.write(text.slice(shown));
    shown = text.length;
  }, 250);
  void host.exited.then(() => clearInterval(timer));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      app: { type: 'string', default: 'package' },
      'no-app': { type: 'boolean', default: false },
      'no-samples': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const appDir = resolve(values.app);
  if (!values['no-app'] && !existsSync(join(appDir, 'host.json'))) {
    throw new Error(`there is no packaged app in ${appDir}: run "npm run package" first, or add --no-app`);
  }
  const sandbox = await startSandbox({ parts: [...partsHere(), 'tls'], ports: await freePorts() });
  try {
    const host = values['no-app'] ? undefined : await startApp(sandbox, appDir, values.quiet);
    if (!values['no-samples']) await seed(sandbox);
    console.log(banner(sandbox, host));
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
