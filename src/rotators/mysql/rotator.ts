import { RotationError } from '../../rotation/errors.ts';
import type { Administrators, Call, LiveCredential, Rotator, SecretValue, Slot, Target } from '../../rotation/ports.ts';
import { refuseInUse, rejected, throwFirst } from '../accounts/refusals.ts';
import { accountOf, readAccount, readPair, readSessions } from './accounts.ts';
import { bootstrap } from './bootstrap.ts';
import { endSessions, revoke, revokeSecond, storePassword } from './change.ts';
import { session, type Query } from './client.ts';
import { claims, parseTarget, type MysqlConfig } from './config.ts';
import { blockersOf } from './grants.ts';
import { identifiedBy, type Authentication } from './password.ts';
import { replacePassword, type Replacement } from './retain.ts';
import { accountName, alterPassword, BEGIN } from './sql.ts';

/** The same as PostgreSQL's: https://learn.microsoft.com/azure/mysql/flexible-server/how-to-azure-ad */
export const MYSQL_SCOPE = 'https://ossrdbms-aad.database.windows.net/.default';

export interface MysqlDeps {
  readonly administrators: Administrators;
  /**
   * `single`: one account, whose password is replaced in place; MySQL 8 keeps the one before as a second one. A pair when absent.
   */
  readonly accounts?: 'pair' | 'single';
  /** Revoke also locks the account; the next `set` unlocks it. */
  readonly disableOnRevoke?: boolean;
  /** What turns a flexible server's name into its host; another one in a sovereign cloud. */
  readonly mysqlSuffix?: string;
  /** An authority to trust besides the system's own, PEM. NODE_EXTRA_CA_CERTS does the same for the whole process. */
  readonly ca?: string;
}

type MysqlTarget = Target<MysqlConfig>;
type AsAdministrator = <T>(
  target: MysqlTarget,
  call: Call,
  work: (query: Query, me: string) => Promise<T>,
) => Promise<T>;

/**
 * Two accounts with the same grants, of which one is in use and the other gets the next password. MariaDB gets its hash, and
 * so does MySQL where the account's plugin takes one. See README.md in this folder.
 */
export function mysqlRotator(deps: MysqlDeps): Rotator<MysqlConfig> {
  const suffix = deps.mysqlSuffix ?? '.mysql.database.azure.com';
  const single = deps.accounts === 'single';
  const asAdministrator: AsAdministrator = async (target, call, work) => {
    const admin = await deps.administrators.for(target.hosts[0] ?? '', MYSQL_SCOPE, call);
    const token = admin.kind === 'token';
    const password = token ? admin.token : admin.password;
    const who = { user: admin.user, password, token, as: 'administrator', database: undefined } as const;
    return session({ server: target.config, ca: deps.ca, ...who }, call, async (query) => {
      await query(BEGIN);
      return work(query, admin.user);
    });
  };
  const logIn = async (target: MysqlTarget, slot: Slot, value: SecretValue, call: Call): Promise<void> => {
    const who = { user: slot, password: value, token: false, as: 'account' } as const;
    const login = { server: target.config, database: target.config.database, ca: deps.ca, ...who };
    // An account whose password has expired may log in to MariaDB, and then do nothing.
    await session(login, call, (query) => query('SELECT 1'));
  };
  const logsInAs = (target: MysqlTarget, slot: Slot, call: Call) => async (value: SecretValue) => {
    try {
      await logIn(target, slot, value, call);
      return true;
    } catch (error) {
      if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return false;
      throw error;
    }
  };
  return {
    kind: single ? 'mysql-single' : 'mysql',
    capabilities: {
      minting: 'engine',
      overlap: single ? 'none' : 'two-slots',
      revocable: true,
      proof: 'log-in',
      ...(single ? { retains: true as const } : {}),
    },
    claims: (address) => claims(address, suffix),
    parseTarget: (input) => parseTarget(input, suffix, single),
    describe: (target, slot) => describe(target, slot, single),
    check: (target, slot, current, call) =>
      asAdministrator(target, call, async (query, me) =>
        blockersOf(await readPair(query, target, me), accountOf(target, current.slot), accountOf(target, slot)),
      ),
    list: (target, call) => asAdministrator(target, call, (query) => list(query, target)),
    async set(target, pending, call) {
      const { slot, current, value } = pending;
      if (value === undefined) throw new TypeError('set of mysql needs the value that the engine has minted');
      refuseInUse(target, slot, single ? '' : current.slot);
      const kept = single ? { current: current.value, logsIn: logsInAs(target, slot, call) } : undefined;
      await asAdministrator(target, call, (query, me) =>
        set(query, target, me, { slot, value, inUse: current.slot, kept }),
      );
      return { credentialId: slot, slot, value };
    },
    async test(target, { slot, value }, call) {
      // An account without a password lets anybody in.
      if (value.reveal() === '') throw rejected(target, slot, 'the value is empty');
      await logIn(target, slot, value, call);
    },
    async revoke(target, slot, how, call) {
      call.signal.throwIfAborted();
      await asAdministrator(target, call, async (query) => {
        if (!single) return revoke(query, target, slot, { ...how, lock: deps.disableOnRevoke === true });
        await revokeSecond(query, target, slot);
        if (how.endSessions) await endSessions(query, target, slot);
      });
    },
    ...(single
      ? {}
      : {
          bootstrap: (target, how, call) =>
            asAdministrator(target, call, (query, me) => bootstrap(query, target, me, how.dryRun)),
        }),
  };
}

async function list(query: Query, target: MysqlTarget): Promise<readonly LiveCredential[]> {
  const there: Slot[] = [];
  for (const slot of target.slots) {
    if ((await readAccount(query, accountOf(target, slot))) !== undefined) there.push(slot);
  }
  const sessions = await readSessions(query, target);
  const of = (slot: Slot): string[] => sessions.filter(({ user }) => user === slot).map(({ text }) => text);
  return there.map((slot) => ({ credentialId: slot, slot, sessions: of(slot) }));
}

interface Next {
  readonly slot: Slot;
  readonly inUse: Slot;
  readonly value: SecretValue;
  /** Of a single account: what is to go on logging in, where the server can do that. */
  readonly kept: Omit<Replacement, 'value'> | undefined;
}

async function set(query: Query, target: MysqlTarget, me: string, { slot, inUse, value, kept }: Next): Promise<void> {
  const idle = accountOf(target, slot);
  const pair = await readPair(query, target, me);
  throwFirst(target, blockersOf(pair, accountOf(target, inUse), idle));
  // No blocker: the account exists, and logs in in a way that can be set.
  const authentication = pair.accounts.get(slot)?.authentication as Authentication;
  if (kept !== undefined) return replacePassword(query, idle, authentication, { value, ...kept });
  await storePassword(query, idle, authentication, alterPassword(idle, identifiedBy(authentication, value)));
}

function describe(target: MysqlTarget, slot: Slot, single: boolean): readonly string[] {
  const { host, port } = target.config;
  const name = accountName(accountOf(target, slot));
  const pair = target.slots.map((one) => accountName(accountOf(target, one))).join(' and ');
  return [
    `log in to ${host}:${port} as the administrator`,
    `compare SHOW CREATE USER and SHOW GRANTS of ${pair}`,
    ...(single
      ? [
          `where the server keeps a second password: ALTER USER ${name} IDENTIFIED … RETAIN CURRENT PASSWORD ACCOUNT UNLOCK, and nothing of what follows`,
        ]
      : []),
    `ALTER USER ${name} IDENTIFIED … ACCOUNT UNLOCK, with the hash of the new password where the account takes one`,
    `ALTER USER ${name} DISCARD OLD PASSWORD, where the server knows a second password`,
  ];
}
