import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { Target, TargetInput } from '../../rotation/ports.ts';

/** Where a pair of accounts lives. Which of them is current is in the target. */
export interface PostgresConfig {
  readonly host: string;
  readonly port: number;
  /** Where to log in. The accounts belong to the whole server, their grants to a database. */
  readonly database: string;
}

const DEFAULT_PORT = 5432;
/** NAMEDATALEN - 1 bytes; the server cuts what is longer without an error, and another account would be hit. */
const NAME_BYTES = 63;
const ARM_ID =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.DBforPostgreSQL\/flexibleServers\/([^/]+)(?:\/databases\/([^/]+))?\/?$/i;
const ARM_ID_START = /\/providers\/Microsoft\.DBforPostgreSQL\//i;
const SCHEME = /^postgres(?:ql)?:\/\//i;
const HOST =
  /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)\.?)(?::(\d+))?$/i;
const CONTROL = /\p{Cc}/u;
const FORMS = 'write host[:port]/database, postgres://host[:port]/database, or the resource id of a flexible server';

/**
 * Addresses that say by themselves that they mean PostgreSQL: the scheme, an ARM id of a flexible server, a host of
 * Azure Database for PostgreSQL, or port 5432. A bare `host/database` could be anything; the tag Rotator decides then.
 */
export function claims(address: string, suffix: string): boolean {
  if (SCHEME.test(address) || ARM_ID.test(address)) return true;
  const [, bracketed, name, port] = HOST.exec(address.split('/', 1)[0] ?? '') ?? [];
  if (name !== undefined && name.toLowerCase().endsWith(suffix)) return true;
  return (bracketed ?? name) !== undefined && Number(port) === DEFAULT_PORT;
}

/**
 * @param single one account; otherwise the tags name a pair, the second account by convention where no tag does
 * @param suffix what turns the name of a flexible server into its host: `.postgres.database.azure.com`
 * @throws CONFIG_INVALID with every problem: `tags.ProviderAddress`, `tags.CredentialId`, `tags.AlternateCredentialId`
 */
export function parseTarget(input: TargetInput, suffix: string, single = false): Target<PostgresConfig> {
  const problems: Problem[] = [];
  const address = parseAddress(input.providerAddress, suffix);
  if (typeof address === 'string') problems.push({ path: 'tags.ProviderAddress', message: address });
  const current = input.credentialId;
  checkName('tags.CredentialId', current, problems);
  const slots = single ? [current] : [current, secondAccount(input, problems)];
  if (problems.length > 0 || typeof address === 'string')
    throw configInvalid(`the tags of a PostgreSQL ${single ? 'account' : 'pair'}`, problems);
  const where = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    // Accounts belong to the server, so the database is not part of what owns them.
    id: `postgres://${where}:${address.port}`,
    slots,
    current,
    hosts: [`${where}:${address.port}`],
    config: address,
  };
}

function secondAccount({ credentialId: current, alternateCredentialId }: TargetInput, problems: Problem[]): string {
  const path = 'tags.AlternateCredentialId';
  const alternate = alternateCredentialId ?? otherByConvention(current);
  const known = current !== '' && problems.every((p) => p.path !== 'tags.CredentialId');
  if (alternateCredentialId !== undefined || known) checkName(path, alternate, problems);
  if (alternate === current) {
    problems.push({ path, message: 'is the same account as CredentialId; a pair needs two' });
  }
  return alternate;
}

/** `app` and `app_alt` are each other's alternate when no tag says otherwise. */
function otherByConvention(current: string): string {
  return current.endsWith('_alt') && current.length > '_alt'.length
    ? current.slice(0, -'_alt'.length)
    : `${current}_alt`;
}

/** @returns what is wrong with the address, without quoting it: it may hold a password. */
function parseAddress(text: string, suffix: string): PostgresConfig | string {
  if (text === '') return `is empty; ${FORMS}`;
  const arm = ARM_ID.exec(text);
  if (arm !== null) return fromServer(arm[1] ?? '', arm[2], suffix);
  if (ARM_ID_START.test(text)) return 'is an ARM resource id, but not one of a flexible server';
  const scheme = SCHEME.exec(text)?.[0];
  if (scheme === undefined && text.includes('://')) return `has a scheme other than postgres; ${FORMS}`;
  const [authority = '', ...path] = text.slice(scheme?.length ?? 0).split('/');
  if (text.includes('@'))
    return 'holds a user or a password; the accounts are named in CredentialId and AlternateCredentialId';
  if (/[?#;]/.test(text)) return 'holds parameters; none can be set here: TLS is always on and always verified';
  const host = HOST.exec(authority);
  if (host === null) return `names no host; ${FORMS}`;
  const port = host[3] === undefined ? DEFAULT_PORT : Number(host[3]);
  if (port < 1 || port > 65_535) return 'names a port outside 1 to 65535';
  const database = decode(path.join('/'), scheme !== undefined);
  const wrong = database === undefined ? 'is not percent-encoded as a URL has to be' : nameProblem(database, false);
  if (database === undefined || (database !== '' && wrong !== undefined)) return `names a database that ${wrong ?? ''}`;
  return { host: (host[1] ?? host[2] ?? '').toLowerCase(), port, database: database === '' ? 'postgres' : database };
}

function fromServer(name: string, database: string | undefined, suffix: string): PostgresConfig | string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name))
    return 'names a flexible server in a way that Azure does not allow';
  return { host: `${name.toLowerCase()}${suffix}`, port: DEFAULT_PORT, database: database ?? 'postgres' };
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

function checkName(path: string, name: string, problems: Problem[]): void {
  const message = nameProblem(name, true);
  if (message !== undefined) problems.push({ path, message });
}

/** The rules for a name that CREATE ROLE or CREATE DATABASE accepts. Case matters, and nothing is trimmed. */
function nameProblem(name: string, role: boolean): string | undefined {
  if (name === '') return 'is empty';
  if (CONTROL.test(name)) return 'has a control character in its name';
  const bytes = Buffer.byteLength(name);
  if (bytes > NAME_BYTES) return `has a name of ${bytes} bytes; PostgreSQL knows ${NAME_BYTES} at most`;
  if (role && /^(?:pg_|azure_)|^(?:public|none|postgres|azuresu|azure_superuser)$/i.test(name)) {
    return 'is a name that PostgreSQL or Azure keeps for itself';
  }
  return undefined;
}
