import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { Target, TargetInput } from '../../rotation/ports.ts';
import { authorityOf, claims as claimsAddress, decode, hostOfServer, readHost } from '../accounts/address.ts';
import { pairOf, singleOf, type Naming } from '../accounts/pairs.ts';

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
const CONTROL = /\p{Cc}/u;
/** Names are quoted wherever they are written, so that the server folds no case. */
const NAMING: Naming = { check: checkName };
const FORMS = 'write host[:port]/database, postgres://host[:port]/database, or the resource id of a flexible server';

/**
 * Addresses that say by themselves that they mean PostgreSQL: the scheme, an ARM id of a flexible server, a host of
 * Azure Database for PostgreSQL, or port 5432. A bare `host/database` could be anything; the tag Rotator decides then.
 */
export function claims(address: string, suffix: string): boolean {
  return claimsAddress(address, { says: [SCHEME, ARM_ID], suffix, port: DEFAULT_PORT });
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
  const slots = (single ? singleOf : pairOf)(input, NAMING, problems);
  if (problems.length > 0 || typeof address === 'string')
    throw configInvalid(`the tags of a PostgreSQL ${single ? 'account' : 'pair'}`, problems);
  const where = authorityOf(address);
  return {
    // Accounts belong to the server, so the database is not part of what owns them.
    id: `postgres://${where}`,
    slots,
    current: input.credentialId,
    hosts: [where],
    config: address,
  };
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
  const place = readHost(authority, DEFAULT_PORT, FORMS);
  if (typeof place === 'string') return place;
  const database = decode(path.join('/'), scheme !== undefined);
  const wrong = database === undefined ? 'is not percent-encoded as a URL has to be' : nameProblem(database, false);
  if (database === undefined || (database !== '' && wrong !== undefined)) return `names a database that ${wrong ?? ''}`;
  return { ...place, database: database === '' ? 'postgres' : database };
}

function fromServer(name: string, database: string | undefined, suffix: string): PostgresConfig | string {
  const host = hostOfServer(name, suffix);
  if (host === undefined) return 'names a flexible server in a way that Azure does not allow';
  return { host, port: DEFAULT_PORT, database: database ?? 'postgres' };
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
