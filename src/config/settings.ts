import { configInvalid, type Problem } from '../rotation/errors.ts';
import { readAdministrators, type AdministratorSetting } from './administrators.ts';
import { matchesHost, parseHostPattern, type HostPattern } from './hosts.ts';
import { readChannels, type ChannelSetting } from './channels.ts';
import { readConsumers, readSubscriptions, type ConsumerSettings } from './consumers.ts';
import { readExternal, type ExternalSetting } from './external.ts';
import { readHttpApis, type HttpApiSetting } from './http-apis.ts';
import names from '../names.json' with { type: 'json' };
import { readSignIn, type SignIn } from './sign-in.ts';
import { nearest } from './spelling.ts';
import { readDefaults, type Defaults } from './defaults.ts';
import { readStorage, type StorageSettings } from './storage.ts';
import {
  isSchedule,
  readBoolean,
  readHttps,
  readSharedVaults,
  readSuffix,
  readSuffixes,
  readVaults,
  setting,
  type Env,
  type Report,
} from './values.ts';

export type { AdministratorSetting } from './administrators.ts';
export type { ChannelSetting } from './channels.ts';
export type { ConsumerSettings } from './consumers.ts';
export type { Defaults } from './defaults.ts';
export type { StorageSettings } from './storage.ts';

/** The settings of the app, checked. Nothing of this can be changed by a tag. */
export interface Settings {
  /** Origins, lower case. */
  readonly vaults: readonly string[];
  /** Those of them whose secrets and certificates may be what a secret in another vault comes from. */
  readonly sharedVaults: readonly string[];
  /** As configured, and the hosts that other settings name: vaults, ARM, Graph, Entra, and the services keys are tried on. */
  readonly allowedHosts: readonly HostPattern[];
  /** The most specific pattern first. */
  readonly administrators: readonly AdministratorSetting[];
  readonly defaults: Defaults;
  readonly httpApis: readonly HttpApiSetting[];
  readonly external: readonly ExternalSetting[];
  /** Ids, lower case, of where the consumers of objects are looked for; none: nobody is looked for. */
  readonly subscriptions: readonly string[];
  readonly consumers: ConsumerSettings;
  /** Where new versions and notices are told. */
  readonly channels: readonly ChannelSetting[];
  readonly revokeDisablesLogin: boolean;
  readonly topicEndpoint?: string;
  /** Origin, no trailing slash. */
  readonly armEndpoint: string;
  /** Microsoft Graph and the token endpoint of Entra. Origins, no trailing slash. */
  readonly graphEndpoint: string;
  readonly loginEndpoint: string;
  /** Id or domain of the applications' tenant; absent: that of the app's identity. */
  readonly tenant?: string;
  /** With a leading dot: `.database.windows.net`. */
  readonly sqlSuffix: string;
  /** With a leading dot: `.postgres.database.azure.com`. */
  readonly postgresSuffix: string;
  /** With a leading dot: `.mysql.database.azure.com`. */
  readonly mysqlSuffix: string;
  /** Without a leading dot, what follows `blob.`: `core.windows.net`. It may hold a port. */
  readonly storageSuffix: string;
  /** By kind of rotator, what follows a resource's name in its host. It may hold a port. */
  readonly serviceSuffixes: Readonly<Record<string, string>>;
  /** Who lets callers of the HTTP endpoints in. */
  readonly signIn: SignIn;
  readonly sweepSchedule: string;
  readonly table: string;
  readonly storage: StorageSettings;
  /** Client id of the app's user-assigned identity; absent: the system-assigned one. */
  readonly identityClientId?: string;
}

/** Every setting whose name begins with KEYTURN_; another one is a misspelling and is refused. */
export const SETTING_NAMES = [
  'KEYTURN_VAULTS',
  'KEYTURN_SHARED_VAULTS',
  'KEYTURN_ALLOWED_HOSTS',
  'KEYTURN_ADMINISTRATORS',
  'KEYTURN_DEFAULTS',
  'KEYTURN_HTTP_APIS',
  'KEYTURN_EXTERNAL',
  'KEYTURN_SUBSCRIPTIONS',
  'KEYTURN_CONSUMERS',
  'KEYTURN_CHANNELS',
  'KEYTURN_REVOKE_DISABLES_LOGIN',
  'KEYTURN_TOPIC_ENDPOINT',
  'KEYTURN_ARM_ENDPOINT',
  'KEYTURN_GRAPH_ENDPOINT',
  'KEYTURN_LOGIN_ENDPOINT',
  'KEYTURN_TENANT',
  'KEYTURN_SQL_SUFFIX',
  'KEYTURN_POSTGRES_SUFFIX',
  'KEYTURN_MYSQL_SUFFIX',
  'KEYTURN_STORAGE_SUFFIX',
  'KEYTURN_SERVICE_SUFFIXES',
  'KEYTURN_SIGN_IN',
  'KEYTURN_SWEEP_SCHEDULE',
  'KEYTURN_TABLE',
] as const;

export const DEFAULT_SWEEP_SCHEDULE = '0 */5 * * * *';

/**
 * Reads the settings from an environment. Pure. A setting that is absent or blank has its default.
 * @param services by kind of rotator, the DNS suffix of its service in the public cloud
 * @throws CONFIG_INVALID naming every problem of every setting at once
 */
export function readSettings(env: Env, services: Readonly<Record<string, string>> = {}): Settings {
  const problems: Problem[] = [];
  const report: Report = (path, message) => void problems.push({ path: `settings.${path}`, message });
  refuseUnknown(env, report);
  const vaults = readVaults(env, report);
  const topicEndpoint = readHttps(env, 'KEYTURN_TOPIC_ENDPOINT', undefined, report);
  const arm = readHttps(env, 'KEYTURN_ARM_ENDPOINT', 'https://management.azure.com', report) ?? '';
  const graph = readHttps(env, 'KEYTURN_GRAPH_ENDPOINT', 'https://graph.microsoft.com', report) ?? '';
  const login = readHttps(env, 'KEYTURN_LOGIN_ENDPOINT', 'https://login.microsoftonline.com', report) ?? '';
  const tenant = setting(env, 'KEYTURN_TENANT');
  const storageSuffix = readSuffix(env, 'KEYTURN_STORAGE_SUFFIX', 'core.windows.net', report);
  const serviceSuffixes = readSuffixes(env, 'KEYTURN_SERVICE_SUFFIXES', services, report);
  const identityClientId = setting(env, 'AZURE_CLIENT_ID');
  const allowedHosts = [
    ...readAllowedHosts(env, report),
    ...implied([arm, graph, login, ...vaults], storageSuffix, serviceSuffixes),
  ];
  const settings: Settings = {
    vaults,
    sharedVaults: readSharedVaults(env, vaults, report),
    allowedHosts,
    administrators: readAdministrators(env, vaults, report),
    defaults: readDefaults(env, report),
    httpApis: readHttpApis(env, vaults, report),
    external: readExternal(env, vaults, report),
    subscriptions: readSubscriptions(env, report),
    consumers: readConsumers(env, report),
    channels: readChannels(env, vaults, (host) => allowsHost({ allowedHosts }, host), report),
    revokeDisablesLogin: readBoolean(env, 'KEYTURN_REVOKE_DISABLES_LOGIN', false, report),
    armEndpoint: arm.replace(/\/$/, ''),
    graphEndpoint: graph.replace(/\/$/, ''),
    loginEndpoint: login.replace(/\/$/, ''),
    sqlSuffix: `.${readSuffix(env, 'KEYTURN_SQL_SUFFIX', 'database.windows.net', report)}`,
    postgresSuffix: `.${readSuffix(env, 'KEYTURN_POSTGRES_SUFFIX', 'postgres.database.azure.com', report)}`,
    mysqlSuffix: `.${readSuffix(env, 'KEYTURN_MYSQL_SUFFIX', 'mysql.database.azure.com', report)}`,
    storageSuffix,
    serviceSuffixes,
    signIn: readSignIn(env, report),
    sweepSchedule: setting(env, 'KEYTURN_SWEEP_SCHEDULE') ?? DEFAULT_SWEEP_SCHEDULE,
    table: setting(env, 'KEYTURN_TABLE') ?? names.table,
    storage: readStorage(env, report),
    ...(topicEndpoint === undefined ? {} : { topicEndpoint }),
    ...(identityClientId === undefined ? {} : { identityClientId }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  if (tenant !== undefined && !/^[a-z0-9][a-z0-9.-]*$/i.test(tenant)) {
    report('KEYTURN_TENANT', `'${tenant}' is neither a tenant's id (a GUID) nor one of its domains`);
  }
  if (!isSchedule(settings.sweepSchedule)) {
    report(
      'KEYTURN_SWEEP_SCHEDULE',
      `'${settings.sweepSchedule}' is not an NCRONTAB of six fields, as ${DEFAULT_SWEEP_SCHEDULE}`,
    );
  }
  if (!/^[A-Za-z][A-Za-z0-9]{2,62}$/.test(settings.table)) {
    report('KEYTURN_TABLE', `'${settings.table}' is no table name: 3 to 63 letters and digits, a letter first`);
  }
  if (problems.length > 0) {
    throw configInvalid(
      'the settings of the app',
      problems,
      'Correct them: az functionapp config appsettings set --name <app> --resource-group <group> --settings <NAME>=<value>',
    );
  }
  return settings;
}

/** @param host `host` or `host:port` */
export function allowsHost(settings: Pick<Settings, 'allowedHosts'>, host: string): boolean {
  return settings.allowedHosts.some((pattern) => matchesHost(pattern, host));
}

function refuseUnknown(env: Env, report: Report): void {
  const known: readonly string[] = SETTING_NAMES;
  for (const name of Object.keys(env)) {
    if (!/^KEYTURN_/i.test(name) || known.includes(name.toUpperCase())) continue;
    const meant = nearest(name, known);
    report(
      name,
      meant === undefined
        ? `there is no such setting; there are ${known.join(', ')}`
        : `there is no such setting; did you mean ${meant}?`,
    );
  }
}

function readAllowedHosts(env: Env, report: Report): readonly HostPattern[] {
  const patterns: HostPattern[] = [];
  const words = (setting(env, 'KEYTURN_ALLOWED_HOSTS') ?? '').split(/[\s,]+/).filter((word) => word !== '');
  for (const [index, word] of words.entries()) {
    const pattern = parseHostPattern(word);
    if (typeof pattern === 'string') report(`KEYTURN_ALLOWED_HOSTS[${index}]`, pattern);
    else patterns.push(pattern);
  }
  return patterns;
}

/** Addresses that the app builds from its own settings and a resource id; no tag chooses the host's suffix. */
function implied(
  endpoints: readonly string[],
  storageSuffix: string,
  services: Readonly<Record<string, string>>,
): readonly HostPattern[] {
  const suffixes = new Set([`blob.${storageSuffix}`, ...Object.values(services)]);
  const named = endpoints.map((url) => (URL.canParse(url) ? new URL(url).host : ''));
  const hosts = [...named, ...[...suffixes].map((one) => `*.${one}`)];
  return hosts.map(parseHostPattern).filter((pattern) => typeof pattern !== 'string');
}
