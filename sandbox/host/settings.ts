/** What the host reads before it starts anything: host.json and the app's settings. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface QueueSettings {
  readonly batchSize: number;
  readonly newBatchThreshold: number;
  readonly maxDequeueCount: number;
  /** How long a message stays hidden after its function failed. */
  readonly visibilityTimeoutMs: number;
  readonly maxPollingIntervalMs: number;
  readonly messageEncoding: 'base64' | 'none';
}

export interface HostSettings {
  readonly routePrefix: string;
  readonly queues: QueueSettings;
}

/** .NET's TimeSpan text, `[d.]hh:mm:ss`, in ms. */
export function timeSpanMs(text: string): number {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3})\d*)?)?$/.exec(text);
  if (match === null) throw new Error(`host.json: '${text}' is no time span of the form [d.]hh:mm:ss`);
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1, 5).map((part) => Number(part || 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + Number((match[5] ?? '').padEnd(3, '0'));
}

/** Reads `<appDir>/host.json`, with the platform's defaults for what it leaves out. */
export async function readHostJson(appDir: string): Promise<HostSettings> {
  const path = join(appDir, 'host.json');
  const host = JSON.parse(await readFile(path, 'utf8')) as {
    version?: string;
    extensions?: { http?: { routePrefix?: string }; queues?: Record<string, unknown> };
  };
  if (host.version !== '2.0') throw new Error(`${path}: version must be "2.0"`);
  const queues = host.extensions?.queues ?? {};
  const whole = (name: string, fallback: number, max: number): number => {
    const value = queues[name] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new Error(`${path}: extensions.queues.${name} must be a whole number from 0 to ${max}`);
  };
  const span = (name: string, fallback: string): number => {
    const value = queues[name] ?? fallback;
    if (typeof value === 'string') return timeSpanMs(value);
    throw new Error(`${path}: extensions.queues.${name} must be a time span of the form [d.]hh:mm:ss`);
  };
  const batchSize = whole('batchSize', 16, 32);
  return {
    routePrefix: host.extensions?.http?.routePrefix ?? 'api',
    queues: {
      batchSize,
      newBatchThreshold: whole('newBatchThreshold', Math.floor(batchSize / 2), 1000),
      maxDequeueCount: whole('maxDequeueCount', 5, 1000),
      visibilityTimeoutMs: span('visibilityTimeout', '00:00:00'),
      maxPollingIntervalMs: span('maxPollingInterval', '00:01:00'),
      messageEncoding: queues['messageEncoding'] === 'none' ? 'none' : 'base64',
    },
  };
}

type Env = Readonly<Record<string, string | undefined>>;

/** Puts settings in the place of `%NAME%`. An absent one stops the start, as it does on the platform. */
export function resolvePercent(text: string, what: string, env: Env): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined) throw new Error(`${what}: '%${name}%' does not resolve: the setting ${name} is absent`);
    return value;
  });
}

export type Connection =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'identity'; readonly uri: string; readonly clientId?: string };

/**
 * The setting NAME is a connection string, or NAME__queueServiceUri (or NAME__accountName) says what is reached with the
 * managed identity, NAME__clientId which one.
 */
export function queueConnection(name: string, env: Env): Connection {
  const value = env[name] ?? env[`AzureWebJobs${name}`];
  if (value !== undefined && value !== '') return { kind: 'string', value };
  const option = (suffix: string): string | undefined => env[`${name}__${suffix}`] || undefined;
  const account = option('accountName');
  const fromAccount = account === undefined ? undefined : `https://${account}.queue.core.windows.net`;
  const uri = option('queueServiceUri') ?? option('serviceUri') ?? fromAccount;
  const clientId = option('clientId');
  if (uri !== undefined) return { kind: 'identity', uri, ...(clientId === undefined ? {} : { clientId }) };
  throw new Error(
    `Storage account connection string '${name}' does not exist: set ${name} or ${name}__queueServiceUri`,
  );
}

/** Functions are switched off by setting, one by one, as on the platform. */
export function isDisabled(functionName: string, env: Env): boolean {
  const value = env[`AzureWebJobs.${functionName}.Disabled`] ?? env[`AzureWebJobs_${functionName}_Disabled`];
  return value !== undefined && /^(1|true)$/i.test(value);
}
