import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { Target, TargetInput } from '../../rotation/ports.ts';

/** Where a pair of accounts lives. Which of them is current is in the target. */
export interface MysqlConfig {
  readonly host: string;
  readonly port: number;
  /** The database that the account has to be able to open; the log-in names none where this is absent. */
  readonly database: string | undefined;
  /** The host part of both accounts, `'user'@'host'`: from where they may log in. `%` is everywhere. */
  readonly accountHost: string;
}

const DEFAULT_PORT = 3306;
const EVERYWHERE = '%';
/** MariaDB's limit in characters; MySQL has 32, and refuses a longer name with an error of its own (1470). */
const NAME_CHARACTERS = 80;
const DATABASE_CHARACTERS = 64;
const ARM_ID =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.DBforMySQL\/flexibleServers\/([^/]+)(?:\/databases\/([^/]+))?\/?$/i;
const ARM_ID_START = /\/providers\/Microsoft\.DBfor(?:MySQL|MariaDB)\//i;
const SCHEME = /^(?:mysql|mariadb):\/\//i;
const HOST =
  /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)\.?)(?::(\d+))?$/i;
/** Names, addresses, wildcards, netmasks: https://dev.mysql.com/doc/refman/8.4/en/account-names.html */
const ACCOUNT_HOST = /^[a-z0-9.:%_/-]{1,255}$/;
const CONTROL = /\p{Cc}/u;
const RESERVED =
  /^(?:mysql\.(?:sys|session|infoschema)|mariadb\.sys|root|azure_superuser|azuresu|azure_[a-z_]*admin)$/i;
const FORMS =
  'write host[:port][/database], mysql://host[:port][/database], or the resource id of a flexible server, and after it ?accountHost=… where the accounts are not …@%';

/**
 * Addresses that say by themselves that they mean MySQL or MariaDB: the scheme, an ARM id of a flexible server, a host of
 * Azure Database for MySQL, or port 3306. A bare `host/database` could be anything; the tag Rotator decides then.
 */
export function claims(address: string, suffix: string): boolean {
  const [where = ''] = address.split('?', 1);
  if (SCHEME.test(where) || ARM_ID.test(where)) return true;
  const [, bracketed, name, port] = HOST.exec(where.split('/', 1)[0] ?? '') ?? [];
  if (name !== undefined && name.toLowerCase().endsWith(suffix)) return true;
  return (bracketed ?? name) !== undefined && Number(port) === DEFAULT_PORT;
}

/**
 * @param suffix what turns the name of a flexible server into its host: `.mysql.database.azure.com`
 * @throws CONFIG_INVALID with every problem: `tags.ProviderAddress`, `tags.CredentialId`, `tags.AlternateCredentialId`
 */
export function parseTarget(input: TargetInput, suffix: string, single = false): Target<MysqlConfig> {
  const problems: Problem[] = [];
  const address = parseAddress(input.providerAddress, suffix);
  if (typeof address === 'string') problems.push({ path: 'tags.ProviderAddress', message: address });
  const current = input.credentialId;
  checkName('tags.CredentialId', current, problems);
  const slots = single ? [current] : [current, secondAccount(input, problems)];
  if (problems.length > 0 || typeof address === 'string') {
    throw configInvalid(`the tags of a MySQL ${single ? 'account' : 'pair'}`, problems);
  }
  const where = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
  // Accounts belong to the server, so the database is not part of what owns them; 'app'@'%' and 'app'@'10.%' are two.
  const accounts = address.accountHost === EVERYWHERE ? '' : `?accountHost=${address.accountHost}`;
  return {
    id: `mysql://${where}${accounts}`,
    slots,
    current,
    hosts: [where],
    config: address,
  };
}

function secondAccount({ credentialId: current, alternateCredentialId }: TargetInput, problems: Problem[]): string {
  const path = 'tags.AlternateCredentialId';
  const currentIsGood = problems.every((problem) => problem.path !== 'tags.CredentialId');
  const alternate = alternateCredentialId ?? otherByConvention(current);
  if (alternateCredentialId !== undefined || currentIsGood) checkName(path, alternate, problems);
  if (alternate === current) {
    problems.push({ path, message: 'is the same account as CredentialId; a pair needs two' });
  }
  return alternate;
}

/** `app` and `app_alt` are each other's alternate when no tag says otherwise. */
function otherByConvention(current: string): string {
  return current.length > '_alt'.length && current.endsWith('_alt')
    ? current.slice(0, -'_alt'.length)
    : `${current}_alt`;
}

/** @returns what is wrong with the address, without quoting it: it may hold a password. */
function parseAddress(text: string, suffix: string): MysqlConfig | string {
  if (text === '') return `is empty; ${FORMS}`;
  const [where = '', ...rest] = text.split('?');
  const scheme = SCHEME.exec(where)?.[0];
  if (scheme === undefined && where.includes('://')) return `has a scheme other than mysql or mariadb; ${FORMS}`;
  if (where.includes('@')) {
    return 'holds a user or a password; the accounts are named in CredentialId and AlternateCredentialId, their host in ?accountHost=';
  }
  const accountHost = rest.length === 0 ? EVERYWHERE : readAccountHost(rest.join('?'), scheme !== undefined);
  if (accountHost === undefined) {
    return 'holds parameters other than accountHost, the host part of both accounts; none of them can be set here: TLS is always on and always verified';
  }
  const arm = ARM_ID.exec(where);
  if (arm === null && ARM_ID_START.test(where)) return 'is an ARM resource id, but not one of a flexible server';
  const place =
    arm === null
      ? fromAddress(where.slice(scheme?.length ?? 0), scheme !== undefined)
      : fromServer(arm[1] ?? '', arm[2], suffix);
  return typeof place === 'string' ? place : { ...place, accountHost };
}

type Place = Omit<MysqlConfig, 'accountHost'>;

function fromAddress(text: string, encoded: boolean): Place | string {
  const [authority = '', ...path] = text.split('/');
  if (/[#;]/.test(text)) return `holds a character that no address has; ${FORMS}`;
  const host = HOST.exec(authority);
  if (host === null) return `names no host; ${FORMS}`;
  const port = host[3] === undefined ? DEFAULT_PORT : Number(host[3]);
  if (port < 1 || port > 65_535) return 'names a port outside 1 to 65535';
  const database = decode(path.join('/'), encoded);
  if (database === undefined) return 'names a database that is not percent-encoded as a URL has to be';
  if (CONTROL.test(database) || Array.from(database).length > DATABASE_CHARACTERS) {
    return `names a database with a control character, or of more than ${DATABASE_CHARACTERS} characters`;
  }
  const name = (host[1] ?? host[2] ?? '').toLowerCase();
  return { host: name, port, database: database === '' ? undefined : database };
}

function fromServer(name: string, database: string | undefined, suffix: string): Place | string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)) {
    return 'names a flexible server in a way that Azure does not allow';
  }
  return { host: `${name.toLowerCase()}${suffix}`, port: DEFAULT_PORT, database };
}

/** The server itself keeps the host part in lower case. */
function readAccountHost(query: string, encoded: boolean): string | undefined {
  const [, value] = /^accountHost=([^&#]*)$/i.exec(query) ?? [];
  const host = value === undefined ? undefined : decode(value, encoded)?.toLowerCase();
  return host !== undefined && ACCOUNT_HOST.test(host) ? host : undefined;
}

function decode(text: string, encoded: boolean): string | undefined {
  if (!encoded) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The rules for a name that CREATE USER accepts and keeps as it is. Case matters. */
function checkName(path: string, name: string, problems: Problem[]): void {
  const characters = Array.from(name).length;
  if (name === '') problems.push({ path, message: 'is empty' });
  else if (CONTROL.test(name)) problems.push({ path, message: 'has a control character in its name' });
  // The column is of fixed length: the server forgets blanks at the end when it reads its accounts again.
  else if (name.trim() !== name) problems.push({ path, message: 'begins or ends with a blank' });
  else if (characters > NAME_CHARACTERS) {
    const message = `has a name of ${characters} characters; MariaDB knows ${NAME_CHARACTERS} at most, MySQL 32`;
    problems.push({ path, message });
  } else if (RESERVED.test(name)) {
    problems.push({ path, message: 'is a name that the server or Azure keeps for itself' });
  }
}
