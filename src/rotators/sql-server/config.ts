import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { Target, TargetInput } from '../../rotation/ports.ts';
import { pairOf, singleOf, type Naming } from '../accounts/pairs.ts';

/** Where a pair of accounts lives. */
export interface SqlServerConfig {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The accounts are users of this database alone, not logins of the server. */
  readonly contained: boolean;
}

const ARM =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Sql\/(servers|managedInstances)\/([^/]+)(?:\/databases\/([^/]+))?\/?$/i;
const SCHEME = /^(sqlserver|mssql):\/\//i;
const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const PLACE = /^([^/,:?]+)(?:[,:](\d{1,5}))?(?:\/([^?]*))?(\?contained=true)?$/;
export const DEFAULT_PORT = 1433;
/** Under the usual collations; under one that tells cases apart, a pair in upper case needs its tag (README.md). */
const NAMING: Naming = { check: checkName, anyCase: true };

/** How the servers of Azure SQL are called in this cloud. */
export interface SqlCloud {
  /** With its leading dot: `.database.windows.net`. */
  readonly domain: string;
  /** 1433, but behind a gateway of one's own. */
  readonly port: number;
}

/** @param suffix the domain with its leading dot, with `:port` where it is not 1433 */
export function readCloud(suffix: string): SqlCloud {
  const [domain = '', port = String(DEFAULT_PORT)] = suffix.toLowerCase().split(':');
  return { domain, port: Number(port) };
}

/** Serves an ARM id of Microsoft.Sql, an address with a scheme, port 1433, or a host of Azure SQL. Pure. */
export function claimsAddress(address: string, { domain }: SqlCloud): boolean {
  if (ARM.test(address) || SCHEME.test(address)) return true;
  const [, host = '', port] = PLACE.exec(address) ?? [];
  return port === String(DEFAULT_PORT) || host.toLowerCase().endsWith(domain);
}

/**
 * Reads the tags of a pair. Slots are the account names as the tags spell them: they go into the value that readers log in
 * with, and a server may have a collation that tells `App` from `app`. Logins belong to the server, whatever the database,
 * so the target's id is the server; only with `?contained=true` it is the database.
 * @throws CONFIG_INVALID with every problem
 */
export function parseTarget(input: TargetInput, cloud: SqlCloud, single = false): Target<SqlServerConfig> {
  const problems: Problem[] = [];
  const address = readAddress(input.providerAddress, cloud);
  if (typeof address === 'string') problems.push({ path: 'tags.ProviderAddress', message: address });
  const slots = (single ? singleOf : pairOf)(input, NAMING, problems);
  if (problems.length > 0 || typeof address === 'string') {
    throw configInvalid(
      `The tags name no ${single ? 'SQL Server account' : 'pair of SQL Server accounts'}`,
      problems,
      `ProviderAddress is host[,port]/database or the ARM id of a server; CredentialId ${single ? 'is a login or contained user' : 'and AlternateCredentialId are two logins with the same grants'} (src/rotators/sql-server/README.md).`,
    );
  }
  const server = `sql-server://${address.host}:${address.port}`;
  return {
    id: address.contained ? `${server}/${address.database.toLowerCase()}` : server,
    slots,
    current: input.credentialId,
    hosts: [`${address.host}:${address.port}`],
    config: address,
  };
}

function checkName(path: string, name: string, problems: Problem[]): void {
  const wrong = (message: string): void => void problems.push({ path, message });
  if (name === '') wrong('is empty');
  else if (name.length > 128) wrong(`has ${name.length} characters; a login or user has at most 128`);
  else if (/[\u0000-\u001f]/.test(name)) wrong('has a control character');
  else if (name.includes('\\')) wrong('names a Windows account; only SQL logins and contained users have a password');
}

/** The address, or what is wrong with it. */
function readAddress(address: string, cloud: SqlCloud): SqlServerConfig | string {
  const arm = ARM.exec(address);
  if (arm !== null) {
    const [, type = '', name = '', database = 'master'] = arm;
    if (type.toLowerCase() === 'managedinstances') {
      return `a managed instance's host is not in its id; write host/database, e.g. ${name}.<zone>${cloud.domain}/app`;
    }
    const host = `${name.toLowerCase()}${cloud.domain}`;
    if (!/^[a-z0-9-]{1,63}$/i.test(name)) return 'names a server that is no server name';
    return { host, port: cloud.port, database: decode(database), contained: false };
  }
  const place = PLACE.exec(address.replace(SCHEME, ''));
  if (place === null) return 'is neither host[,port]/database nor the ARM id of a Microsoft.Sql server';
  const [, host = '', port = String(DEFAULT_PORT), database = '', contained] = place;
  if (host.includes('\\')) return 'names an instance; give its port instead: host,port/database';
  if (!HOST.test(host.toLowerCase())) return 'has a host that is no DNS name';
  if (Number(port) < 1 || Number(port) > 65_535) return `has port ${port}; ports are 1 to 65535`;
  if (database === '') return 'names no database; write host[,port]/database';
  if (database.length > 128 || /[/\u0000-\u001f]/.test(database)) return 'has a database that is no database name';
  return { host: host.toLowerCase(), port: Number(port), database, contained: contained !== undefined };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}
