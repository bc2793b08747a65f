import type { Blocker, LiveCredential, Slot, Target } from '../../rotation/ports.ts';
import type { Row } from './client.ts';
import type { SqlServerConfig } from './config.ts';
import { differences, give, take, title, type Grant, type Names } from './grants.ts';
import { AZURE_SQL_DATABASE, identifier, type AccountKind } from './sql.ts';

export interface Account {
  readonly name: string;
  readonly kind: AccountKind;
  readonly disabled: boolean;
  readonly mayAlter: boolean;
  readonly names: Names;
  readonly grants: readonly Grant[];
}

export interface Catalogue {
  readonly azure: boolean;
  readonly administrator: string;
  readonly database: string;
  readonly seesServer: boolean;
  readonly seesDatabase: boolean;
  readonly seesSessions: boolean;
  readonly accounts: ReadonlyMap<Slot, Account>;
  readonly sessions: ReadonlyMap<Slot, readonly Session[]>;
}

export interface Session {
  readonly id: number;
  readonly line: string;
}

const GRANT_SECTIONS: readonly string[] = ['server-role', 'server-permission', 'database-role', 'database-permission'];

/** Reads the rows of `grantsQuery` or `sessionsQuery`. */
export function readCatalogue(rows: readonly Row[], target: Target<SqlServerConfig>): Catalogue {
  const server = rows.find((row) => row['section'] === 'server');
  const slots = [
    ['a', target.slots[0] ?? ''],
    ['b', target.slots[1] ?? ''],
  ] as const;
  const accounts = new Map<Slot, Account>();
  const sessions = new Map<Slot, readonly Session[]>();
  const database = server?.['part2'] ?? target.config.database;
  for (const [mark, slot] of slots) {
    const own = rows.filter((row) => row['account'] === mark);
    const account = readAccount(own, slot, database);
    if (account === undefined) continue;
    accounts.set(slot, account);
    sessions.set(slot, readSessions(own, account.kind));
  }
  return {
    azure: server?.['name'] === AZURE_SQL_DATABASE,
    administrator: server?.['part1'] ?? '',
    database,
    seesServer: server?.['state'] === '1',
    seesDatabase: server?.['class'] === '1',
    seesSessions: server?.['part3'] === '1',
    accounts,
    sessions,
  };
}

function readAccount(rows: readonly Row[], written: string, database: string): Account | undefined {
  const login = rows.find((row) => row['section'] === 'login');
  const user = rows.find((row) => row['section'] === 'user');
  if (login === undefined && user === undefined) return undefined;
  // authentication_type 2 is DATABASE: a contained user with its own password.
  const kind: AccountKind = user?.['state'] === '2' ? 'contained' : 'login';
  const decisive = kind === 'contained' ? user : login;
  const grants: Grant[] = rows
    .filter((row) => GRANT_SECTIONS.includes(row['section'] ?? ''))
    .map((row) => ({
      section: row['section'] as Grant['section'],
      name: row['name'] ?? '',
      state: row['state'] ?? '',
      class: row['class'] ?? '',
      parts: [row['part1'] ?? '', row['part2'] ?? '', row['part3'] ?? ''],
    }));
  const plain = { state: '', class: '', parts: [] };
  if (user !== undefined) {
    if (user['part1'] !== '') grants.unshift({ section: 'schema', name: user['part1'] ?? '', ...plain });
    if (kind === 'login') grants.unshift({ section: 'user', name: '', ...plain });
  }
  return {
    name: decisive?.['name'] ?? written,
    kind,
    disabled: login?.['state'] === '1' && kind === 'login',
    // In a database of Azure SQL the login is out of sight, and master decides.
    mayAlter: decisive === undefined || decisive['class'] === '1',
    names: { login: login?.['name'] ?? written, user: user?.['name'] ?? written, database },
    grants,
  };
}

function readSessions(rows: readonly Row[], kind: AccountKind): Session[] {
  return rows
    .filter((row) => row['section'] === 'session' && (row['class'] === '0') === (kind === 'login'))
    .map((row) => ({
      id: Number(row['name']),
      line: `session ${row['name'] ?? ''}: ${row['part2'] ?? ''} on ${row['part1'] ?? ''} since ${row['part3'] ?? ''} (${row['state'] ?? ''})`,
    }));
}

/** What stands in the way of setting this slot, the reason that explains the others first. */
export function blockersOf(catalogue: Catalogue, target: Target<SqlServerConfig>, slot: Slot): Blocker[] {
  const { accounts, administrator, database } = catalogue;
  const who = identifier(administrator);
  const server = target.hosts[0] ?? '';
  const other = target.slots.find((candidate) => candidate !== slot) ?? slot;
  const [idle, model] = [accounts.get(slot), accounts.get(other)];
  const contained = target.config.contained || (idle?.kind === 'contained' && model?.kind === 'contained');
  const blockers: Blocker[] = [];
  if (target.slots.some((candidate) => candidate.toLowerCase() === administrator.toLowerCase())) {
    const message = `${administrator} is the administrator that Keyturn logs in with on ${server} and cannot be an account that it rotates`;
    return [{ code: 'CONFIG_INVALID', message, remedy: 'Give the application accounts of its own.' }];
  }
  // A single account has no grants to be compared with another's.
  if (other !== slot && (!catalogue.seesDatabase || (!catalogue.seesServer && !contained))) {
    blockers.push({
      code: 'ACCESS_DENIED',
      message: `the administrator ${administrator} cannot see the grants of other accounts on ${server}/${database}, so they cannot be compared`,
      remedy: catalogue.seesServer
        ? `In ${database}: GRANT VIEW DEFINITION TO ${who}`
        : `In master: GRANT VIEW ANY DEFINITION TO ${who}`,
    });
    return blockers;
  }
  for (const missing of [...new Set([slot, other])].filter((candidate) => !accounts.has(candidate))) {
    blockers.push({
      code: 'TARGET_NOT_FOUND',
      message: `there is no login or user ${missing} on ${server}/${database}`,
      remedy:
        other === slot
          ? 'Correct the tag CredentialId, or create the account.'
          : 'POST /api/bootstrap creates the second account of the pair with the same grants; or correct the tags CredentialId and AlternateCredentialId.',
    });
  }
  if (idle !== undefined && !idle.mayAlter) {
    blockers.push({
      code: 'ACCESS_DENIED',
      message: `the administrator ${administrator} may not change the password of ${idle.name} on ${server}`,
      remedy:
        idle.kind === 'login'
          ? `In master: GRANT ALTER ANY LOGIN TO ${who}`
          : `In ${database}: GRANT ALTER ANY USER TO ${who}`,
    });
  }
  if (idle !== undefined && model !== undefined && model !== idle) blockers.push(...compare(model, idle, server));
  return blockers;
}

function compare(model: Account, idle: Account, server: string): Blocker[] {
  const { missing, extra } = differences(model.grants, idle.grants);
  if (model.kind !== idle.kind) {
    return [
      {
        code: 'GRANTS_DIFFER',
        message: `${model.name} is a ${model.kind === 'login' ? 'login' : 'contained user'} on ${server} and ${idle.name} is not; a pair is two of a kind`,
        remedy: `Drop ${idle.name} and let POST /api/bootstrap create it again.`,
      },
    ];
  }
  if (missing.length === 0 && extra.length === 0) return [];
  const parts = [
    ...(missing.length > 0 ? [`${idle.name} lacks ${missing.map(title).join(', ')}`] : []),
    ...(extra.length > 0 ? [`${idle.name} has ${extra.map(title).join(', ')} beyond ${model.name}`] : []),
  ];
  const { statements } = mending(model, idle);
  return [
    {
      code: 'GRANTS_DIFFER',
      message: `the grants of ${model.name} and ${idle.name} on ${server}/${idle.names.database} differ: ${parts.join('; ')}`,
      remedy: `In ${idle.names.database}: ${statements.map((statement) => `${statement};`).join(' ')} (or POST /api/bootstrap for what is missing)`,
    },
  ];
}

/** The statements that make `idle` equal to `model`, and those of them that only give. */
export function mending(model: Account, idle: Account): { readonly statements: string[]; readonly giving: string[] } {
  const { missing, extra } = differences(model.grants, idle.grants);
  const byHand = (grant: Grant): string => `-- by hand: ${title(grant)}`;
  const giving = missing.map((grant) => give(grant, idle.names) ?? byHand(grant));
  return { giving, statements: [...giving, ...extra.map((grant) => take(grant, idle.names) ?? byHand(grant))] };
}

/** The accounts that exist, each with who is logged in. */
export function credentialsOf({ accounts, sessions }: Catalogue): LiveCredential[] {
  return [...accounts.keys()].map((slot) => ({
    credentialId: slot,
    slot,
    sessions: (sessions.get(slot) ?? []).map(({ line }) => line),
  }));
}
