import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { Target, TargetInput } from '../../rotation/ports.ts';
import { authorityOf, claims as claimsAddress, decode, hostOfServer, readHost } from '../accounts/address.ts';
import { pairOf, singleOf, type Naming } from '../accounts/pairs.ts';

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
/** Names, addresses, wildcards, netmasks: https://dev.mysql.com/doc/refman/8.4/en/account-names.html */
const ACCOUNT_HOST = /^[a-z0-9.:%_/-]{1,255}$/;
const CONTROL = /\p{Cc}/u;
const RESERVED =
  /^(?:mysql\.(?:sys|session|infoschema)|mariadb\.sys|root|azure_superuser|azuresu|azure_[a-z_]*admin)$/i;
const NAMING: Naming = { check: checkName };
const FORMS =
  'write host[:port][/database], mysql://host[:port][/database], or the resource id of a flexible server, and after it ?accountHost=… where the accounts are not …@%';

/**
 * Addresses that say by themselves that they mean MySQL or MariaDB: the scheme, an ARM id of a flexible server, a host of
 * Azure Database for MySQL, or port 3306. A bare `host/database` could be anything; the tag Rotator decides then.
 */
export function claims(address: string, suffix: string): boolean {
  const [where = ''] = address.split('?', 1);
  return claimsAddress(where, { says: [SCHEME, ARM_ID], suffix, port: DEFAULT_PORT });
}

/**
 * @param suffix what turns the name of a flexible server into its host: `.mysql.database.azure.com`
 * @throws CONFIG_INVALID with every problem: `tags.ProviderAddress`, `tags.CredentialId`, `tags.AlternateCredentialId`
 */
export function parseTarget(input: TargetInput, suffix: string, single = false): Target<MysqlConfig> {
  const problems: Problem[] = [];
  const address = parseAddress(input.providerAddress, suffix);
  if (typeof address === 'string') problems.push({ path: 'tags.ProviderAddress', message: address });
  const slots = (single ? singleOf : pairOf)(input, NAMING, problems);
  if (problems.length > 0 || typeof address === 'string') {
    throw configInvalid(`the tags of a MySQL ${single ? 'account' : 'pair'}`, problems);
  }
  const where = authorityOf(address);
  // Accounts belong to the server, so the database is not part of what owns them; 'app'@'%' and 'app'@'10.%' are two.
  const accounts = address.accountHost === EVERYWHERE ? '' : `?accountHost=${address.accountHost}`;
  return {
    id: `mysql://${where}${accounts}`,
    slots,
    current: input.credentialId,
    hosts: [where],
    config: address,
  };
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
  const place = readHost(authority, DEFAULT_PORT, FORMS);
  if (typeof place === 'string') return place;
  const database = decode(path.join('/'), encoded);
  if (database === undefined) return 'names a database that is not percent-encoded as a URL has to be';
  if (CONTROL.test(database) || Array.from(database).length > DATABASE_CHARACTERS) {
    return `names a database with a control character, or of more than ${DATABASE_CHARACTERS} characters`;
  }
  return { ...place, database: database === '' ? undefined : database };
}

function fromServer(name: string, database: string | undefined, suffix: string): Place | string {
  const host = hostOfServer(name, suffix);
  if (host === undefined) return 'names a flexible server in a way that Azure does not allow';
  return { host, port: DEFAULT_PORT, database };
}

/** The server itself keeps the host part in lower case. */
function readAccountHost(query: string, encoded: boolean): string | undefined {
  const [, value] = /^accountHost=([^&#]*)$/i.exec(query) ?? [];
  const host = value === undefined ? undefined : decode(value, encoded)?.toLowerCase();
  return host !== undefined && ACCOUNT_HOST.test(host) ? host : undefined;
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
