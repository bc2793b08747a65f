import { randomInt, randomUUID } from 'node:crypto';
import type { TokenCredential } from '@azure/core-auth';
import { createArmClient } from './azure/arm/client.ts';
import { channelConsumers, withChannels, type ChannelDeps } from './channels/consumer.ts';
import { createNotices, deliverNotice } from './channels/notices.ts';
import { allowsHost, readSettings, type Settings } from './config/settings.ts';
import { createConfiguration } from './config/tags.ts';
import { createDiscovery } from './consumers/discovery.ts';
import { createKeyUsers } from './consumers/key-users/users.ts';
import { createConsumers } from './consumers/registry.ts';
import { health, type HealthReport } from './health.ts';
import { createRunbook, type RunbookApi } from './http.ts';
import type { Answer } from './http/answer.ts';
import { takeEvents } from './intake.ts';
import { describeObject, type Engine, type Outcome } from './rotation/engine.ts';
import { RotationError } from './rotation/errors.ts';
import { logged } from './rotation/log-events.ts';
import { mint } from './rotation/mint.ts';
import { blockPoisoned } from './rotation/poison.ts';
import type { Call, Clock, Log, Rotator, VaultPort } from './rotation/ports.ts';
import { handlePropagate } from './rotation/propagate.ts';
import { handleRotate } from './rotation/runner.ts';
import { sweep } from './rotation/sweep.ts';
import { parseValue } from './rotation/value/value.ts';
import { armKeyRotator } from './rotators/arm-key/rotator.ts';
import { ARM_KEY_ROWS, SERVICE_SUFFIXES } from './rotators/arm-key/rows.ts';
import { derivedRotator, type DerivedDeps } from './rotators/derived/rotator.ts';
import { entraAppCertificateRotator } from './rotators/entra-app-certificate/rotator.ts';
import { entraAppSecretRotator } from './rotators/entra-app-secret/rotator.ts';
import { externalRotator } from './rotators/external/rotator.ts';
import { httpApiRotator } from './rotators/http-api/rotator.ts';
import { manualRotator } from './rotators/manual/rotator.ts';
import { mysqlRotator } from './rotators/mysql/rotator.ts';
import { postgresRotator } from './rotators/postgres/rotator.ts';
import { randomRotator } from './rotators/random/rotator.ts';
import { sasTokenRotator } from './rotators/sas-token/rotator.ts';
import { sqlServerRotator } from './rotators/sql-server/rotator.ts';
import { decodeNoticeMessage, decodePropagateMessage, decodeRotateMessage } from './state/messages.ts';
import { createAdoptions } from './state/adoptions.ts';
import { createNoticeQueue, createWorkQueue } from './state/queues.ts';
import { once, type StorageDeps } from './state/storage.ts';
import { createJournal } from './state/tables.ts';
import { createAnnouncer } from './state/topic.ts';
import { createAdministrators } from './vault/administrators.ts';
import { createCertificates } from './vault/certificates.ts';
import { createVault } from './vault/key-vault.ts';
import { createKeys } from './vault/keys.ts';
import { createNamedSecrets } from './vault/named-secrets.ts';
import { createSigningKeys } from './vault/signing-keys.ts';

export type { Answer } from './http/answer.ts';

/** What the platform says of a queue message. */
export interface Delivery {
  readonly dequeueCount: number;
  readonly id: string;
}

/** The app behind the functions. Built once a process, on the first invocation. */
export interface App {
  /** @throws when something could not be stored; then the whole delivery comes again */
  onVaultEvent(events: unknown, context: { readonly deliveryId: string }): Promise<void>;
  /** @throws when the journal cannot be written or on a bug; then the message comes again, and at last is poison */
  rotate(message: unknown, delivery: Delivery): Promise<void>;
  propagate(message: unknown, delivery: Delivery): Promise<void>;
  /** @throws when the channel did not take it; then the message comes again, and at last is poison */
  notify(message: unknown, delivery: Delivery): Promise<void>;
  poisoned(queue: 'rotation' | 'propagation' | 'events' | 'notices', message: unknown): Promise<void>;
  sweep(): Promise<void>;
  readonly runbook: RunbookApi & { health(): Promise<Answer> };
}

/** The world, as the process has it; a test may give another. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** One JSON line for each entry, on the stream that the platform reads. */
const CONSOLE_LOG: Log = (level, message, fields) => {
  const line = JSON.stringify({ level, message, ...fields });
  if (level === 'error') console.error(line);
  else if (level === 'warn') console.warn(line);
  else if (level === 'info') console.info(line);
  else console.debug(line);
};

/** @throws CONFIG_INVALID naming every problem of the settings */
export async function createApp(
  { env, clock, log }: Surroundings = { env: process.env, clock: SYSTEM_CLOCK, log: CONSOLE_LOG },
): Promise<App> {
  const settings = readSettings(env, SERVICE_SUFFIXES);
  const engine = createEngine(settings, clock, log);
  const credential = once(() => connectIdentity(settings));
  const noticeDeps = {
    ...channelDeps(settings, credential, clock),
    queue: createNoticeQueue({ ...settings.storage, credential }),
  };
  return {
    onVaultEvent: (events, { deliveryId }) => takeEvents(engine, events, deliveryId),
    rotate: async (message, delivery) => {
      const decoded = decodeRotateMessage(message);
      const outcome = await handleRotate(engine, decoded);
      const fields = { ...told(outcome), object: describeObject(decoded.object), trigger: decoded.trigger };
      log('info', `rotate: ${outcome.outcome}`, { ...logged('rotation.outcome', fields), ...delivery });
    },
    propagate: async (message, delivery) => {
      const decoded = decodePropagateMessage(message);
      const outcome = await handlePropagate(engine, decoded);
      const fields = { ...told(outcome), object: describeObject(decoded.object) };
      log('info', `propagate: ${outcome.outcome}`, { ...logged('propagation.outcome', fields), ...delivery });
    },
    notify: async (message, delivery) => {
      const decoded = decodeNoticeMessage(message);
      const outcome = await deliverNotice(noticeDeps, decoded, boundedCall(clock));
      log('info', `notify: ${outcome}`, { channel: decoded.channel, notice: decoded.notice.id, ...delivery });
    },
    poisoned: (queue, message) => poisoned(engine, queue, message),
    sweep: async () => log('info', 'swept', logged('sweep.completed', await sweep(engine))),
    runbook: {
      ...createRunbook(engine),
      health: async () => answerHealth(await health(engine)),
    },
  };
}

/** The one place that builds clients and registers rotators. */
export function createEngine(settings: Settings, clock: Clock, log: Log): Engine {
  const credential = once(() => connectIdentity(settings));
  const storage: StorageDeps = { ...settings.storage, credential };
  const vault = createVault({ credential });
  const arm = { credential, armEndpoint: settings.armEndpoint, clock };
  const adapters = createConsumers({
    ...arm,
    ...settings.consumers,
    configurationSuffix: settings.serviceSuffixes['app-configuration'] ?? 'azconfig.io',
  });
  const channels = channelDeps(settings, credential, clock);
  return {
    vault,
    keys: createKeys({ credential }),
    keyUsers: createKeyUsers(arm),
    certificates: createCertificates({ credential }),
    consumers: [...adapters, ...channelConsumers(channels)],
    discovery: withChannels(
      createDiscovery({ adapters, arm: createArmClient(arm), clock, subscriptions: settings.subscriptions }),
      settings.channels,
    ),
    adoptions: createAdoptions({ ...storage, table: settings.table }),
    journal: createJournal({
      ...storage,
      table: settings.table,
      unreadable: ({ code, message, remedy }) => {
        log('error', 'a row of the ledger was left out', { code, problem: message, remedy });
      },
    }),
    queue: createWorkQueue(storage),
    announcer: createAnnouncer({
      credential,
      ...(settings.topicEndpoint === undefined ? {} : { endpoint: settings.topicEndpoint }),
    }),
    notices: createNotices({ channels: settings.channels, queue: createNoticeQueue(storage), log }),
    configuration: createConfiguration(settings, createRotators(settings, vault, credential, clock), () => clock.now()),
    clock,
    log,
    mint,
    uniqueId: () => randomUUID(),
    random: () => randomInt(2 ** 32) / 2 ** 32,
  };
}

/** What it takes to tell a channel. */
function channelDeps(settings: Settings, credential: () => Promise<TokenCredential>, clock: Clock): ChannelDeps {
  const vault = createVault({ credential });
  const overlapMs = settings.defaults.overlapHours * 3600_000;
  return {
    channels: settings.channels,
    allows: (host) => allowsHost(settings, host),
    secret: async (secret, call) => (await vault.current(secret, call)).value,
    signingKeys: createSigningKeys({ vault, credential, overlapMs }),
    clock,
  };
}

/** Every rotator that there is: a new one is one line here. Nothing is reached before a rotator is used. */
export function createRotators(
  settings: Settings,
  vault: VaultPort,
  credential: () => Promise<TokenCredential>,
  clock: Clock,
): readonly Rotator[] {
  const secrets = createNamedSecrets(vault);
  const administrators = createAdministrators({ settings, secrets, credential, parseValue });
  const { revokeDisablesLogin: disableOnRevoke, armEndpoint, storageSuffix, serviceSuffixes } = settings;
  const external = { instances: settings.external, secrets, uniqueId: () => randomUUID() };
  const { sqlSuffix, postgresSuffix, mysqlSuffix } = settings;
  const arm = { credential, armEndpoint, storageSuffix, serviceSuffixes, clock };
  const { graphEndpoint, loginEndpoint, tenant } = settings;
  const serves = (host: string): boolean => settings.vaults.includes(host);
  const entra = { credential, graphEndpoint, loginEndpoint, clock, ...(tenant === undefined ? {} : { tenant }) };
  const sources: DerivedDeps = {
    serves,
    read: (source, call) => vault.current(source, call),
    parseValue,
  };
  return [
    sqlServerRotator({ administrators, disableOnRevoke, sqlSuffix }),
    sqlServerRotator({ administrators, sqlSuffix, accounts: 'single' }),
    postgresRotator({ administrators, disableOnRevoke, postgresSuffix }),
    postgresRotator({ administrators, postgresSuffix, accounts: 'single' }),
    mysqlRotator({ administrators, disableOnRevoke, mysqlSuffix }),
    mysqlRotator({ administrators, mysqlSuffix, accounts: 'single' }),
    ...ARM_KEY_ROWS.map((row) => armKeyRotator(row, arm)),
    entraAppSecretRotator(entra),
    entraAppCertificateRotator({ ...entra, serves, certificates: createCertificates({ credential }) }),
    httpApiRotator({ instances: settings.httpApis, secrets }),
    externalRotator('many', external),
    externalRotator('two-slots', external),
    randomRotator(),
    manualRotator(),
    derivedRotator(sources),
    sasTokenRotator({ ...sources, storageSuffix }),
  ];
}

async function connectIdentity(settings: Settings): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  const id = settings.identityClientId;
  return new DefaultAzureCredential(id === undefined ? {} : { managedIdentityClientId: id });
}

/** With every field, the ones that it has not undefined. */
function told(outcome: Outcome): Record<'outcome' | 'reason' | 'rotationId' | 'detail', string | undefined> {
  return { reason: undefined, rotationId: undefined, ...outcome };
}

async function poisoned(engine: Engine, queue: string, message: unknown): Promise<void> {
  const at = engine.clock.now();
  engine.log('error', 'a message was given up', logged('message.poisoned', { queue }));
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  await engine.journal.note(
    {
      id: `${queue}|${text}`,
      at,
      kind: 'poisoned',
      message: `a message of the queue ${queue} failed again and again and was given up`,
      remedy: `Its cause is in the log. When it is mended, put the message back from ${queue}-poison${queue === 'notices' ? '' : ', or POST /api/rotations for the secret'}.`,
    },
    boundedCall(engine.clock),
  );
  if (queue !== 'rotation') return;
  try {
    await blockPoisoned(engine, decodeRotateMessage(message));
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'EVENT_INVALID') throw error;
    engine.log('error', error.message, { code: error.code });
  }
}

function boundedCall(clock: Clock): Call {
  return { signal: AbortSignal.timeout(30_000), now: () => clock.now() };
}

function answerHealth(report: HealthReport): Answer {
  return { status: report.healthy ? 200 : 503, body: report };
}
