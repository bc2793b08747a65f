/**
 * The whole simulated Azure in one call.
 *
 *     const sandbox = await startSandbox({ parts: ['vault', 'eventgrid', 'postgres'] });
 *     sandbox.vault.seed('kv', 'orders-db', { value: '…', expiresInMs: 20 * 86_400_000 });
 *     const host = await sandbox.startHost({ appDir: 'package' });  // a Functions host with the app, as often as wanted
 *     await sandbox.subscribe(host, { duplicates: 2 });             // the vaults' events go to it
 *     sandbox.ctx.clock.advance(86_400_000);
 *     await sandbox.stop();                                         // no process, port or file is left
 *
 * While it runs, this process resolves the sandbox's names, reaches the part `tls` on their port 443, and trusts its certificates,
 * and unless `credentials` is false an unmodified DefaultAzureCredential in it gets the sandbox's tokens. All that is undone
 * by `stop`, which also runs on SIGINT and SIGTERM, and when starting fails half-way. A part that was not started throws when
 * it is asked for.
 */
import type { SandboxContext } from './context.ts';
import { installSandboxDns } from './dns.ts';
import { appEnv } from './env.ts';
import type { Subscription } from './eventgrid/eventgrid.ts';
import type { Host, HostOptions } from './host/host.ts';
import { createStores } from './infrastructure.ts';
import { PARTS, startParts } from './parts.ts';
import type { PartOptions, StartedParts } from './parts.ts';
import { leadPort443To } from './port-443.ts';
import { createRun } from './run.ts';
import { trustSandbox } from './trust.ts';

export { PARTS } from './parts.ts';
export type { Part } from './parts.ts';

export interface SandboxOptions extends PartOptions {
  /** Added to the app's environment, last. */
  readonly env?: Readonly<Record<string, string>>;
  /** False leaves this process's own IDENTITY_* variables alone. */
  readonly credentials?: boolean;
  /** False installs no handlers for SIGINT and SIGTERM. */
  readonly signals?: boolean;
}

export interface Sandbox extends Required<StartedParts> {
  readonly ctx: SandboxContext;
  /** The certificate authority, as a file. */
  readonly caFile: string;
  /** What the app's process needs: IDENTITY_*, NODE_EXTRA_CA_CERTS, KEYTURN_*, KeyturnStorage__*. */
  readonly env: Readonly<Record<string, string>>;
  /** Where everything is, for people. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly hosts: readonly Host[];
  /** One more app process; `env` is added to the sandbox's. Stopped with the sandbox. */
  startHost(options: HostOptions): Promise<Host>;
  /** Sends the vaults' events to the host's `onVaultEvent`. */
  subscribe(host: Host, subscription?: Partial<Omit<Subscription, 'destination'>>): Promise<void>;
  /** May be called more than once. @throws AggregateError when some part failed to stop; the others are stopped then */
  stop(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const run = await createRun();
  const running: { stop(): Promise<void> | void }[] = [];
  running.push({ stop: () => run.dispose() }, { stop: installSandboxDns() }, { stop: trustSandbox(run.ctx.pki) });
  let stopping: Promise<void> | undefined;
  let starting: Promise<StartedParts> | undefined;
  // What is still being started when a signal comes is waited for: it could not be stopped otherwise.
  const stop = (): Promise<void> => (stopping ??= Promise.allSettled([starting]).then(() => stopAll(running)));
  if (options.signals !== false) running.push({ stop: stopOnSignals(stop) });

  const hosts: Host[] = [];
  let parts: StartedParts = {};
  const addresses = (): Record<string, string> => addressesOf(parts, run.caFile, hosts);
  try {
    starting = startParts(run.ctx, options, running, addresses);
    parts = await starting;
    if (parts.azurite) await createStores(parts.azurite);
    run.ctx.traffic.clear();
    if (parts.tls) running.push({ stop: leadPort443To(parts.tls.port) });
    if (parts.identity && options.credentials !== false) running.push({ stop: setEnvironment(parts.identity.env) });
  } catch (error) {
    await stop();
    throw error;
  }

  const env = { ...appEnv(parts, run.caFile), ...options.env };
  const own = {
    ctx: run.ctx,
    caFile: run.caFile,
    env,
    hosts,
    stop,
    async startHost(hostOptions: HostOptions): Promise<Host> {
      const { startHost } = await import('./host/host.ts');
      const host = await startHost(run.ctx, { ...hostOptions, env: { ...env, ...hostOptions.env } });
      hosts.push(host);
      running.push(host);
      return host;
    },
    async subscribe(host: Host, subscription: Partial<Omit<Subscription, 'destination'>> = {}): Promise<void> {
      const destination = { kind: 'webhook', url: host.webhook('onVaultEvent') } as const;
      await sandbox.eventgrid.subscribe({ name: `host-${host.pid}`, ...subscription, destination });
    },
  };
  for (const part of PARTS) {
    const get = (): unknown => {
      if (parts[part] !== undefined) return parts[part];
      throw new Error(`the sandbox runs without its part '${part}': name it in options.parts`);
    };
    Object.defineProperty(own, part, { get });
  }
  Object.defineProperty(own, 'addresses', { get: addresses });
  const sandbox = own as unknown as Sandbox;
  return sandbox;
}

/** The last started is stopped first; one that fails does not keep the others running. */
async function stopAll(running: readonly { stop(): Promise<void> | void }[]): Promise<void> {
  const failures: unknown[] = [];
  for (const one of [...running].reverse()) {
    try {
      await one.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'parts of the sandbox did not stop');
}

function stopOnSignals(stop: () => Promise<void>): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    stop()
      .catch((error: unknown) => console.error(error))
      .finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

/** Sets the variables and returns how to put back what was there. */
function setEnvironment(env: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}

function addressesOf(parts: StartedParts, caFile: string, hosts: readonly Host[]): Record<string, string> {
  const {
    identity,
    vault,
    topic,
    azurite,
    arm,
    graph,
    blob,
    tls,
    postgres,
    mysql,
    tds,
    keys,
    endpoint,
    receiver,
    control,
  } = parts;
  return {
    ...(control ? { control: control.origin() } : {}),
    ...Object.fromEntries((vault?.names ?? []).map((name) => [`vault ${name}`, vault?.url(name) ?? ''])),
    ...(identity ? { identity: identity.env.IDENTITY_ENDPOINT } : {}),
    ...(topic ? { topic: topic.endpoint } : {}),
    ...(azurite ? { queues: azurite.queueUrl, tables: azurite.tableUrl } : {}),
    ...(arm ? { arm: arm.origin } : {}),
    ...(graph ? { graph: graph.origin, 'log-in': graph.loginOrigin } : {}),
    ...(blob ? { blob: blob.url('<account>') } : {}),
    ...(tls ? { 'port 443 of hosts': `127.0.0.1:${tls.port}` } : {}),
    ...(postgres ? { postgres: postgres.address } : {}),
    ...(mysql ? { mysql: mysql.address } : {}),
    ...(tds ? { sql: `${tds.name}:${tds.port}` } : {}),
    ...(keys ? { 'API keys': `https://${keys.host}` } : {}),
    ...(endpoint ? { endpoint: endpoint.url } : {}),
    ...(receiver ? { receiver: `https://${receiver.host}` } : {}),
    ...Object.fromEntries(hosts.map((host, n) => [n === 0 ? 'app' : `app ${n + 1}`, host.origin])),
    'certificate authority': caFile,
  };
}
