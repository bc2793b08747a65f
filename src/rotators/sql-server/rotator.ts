import { randomBytes } from 'node:crypto';
import { RotationError } from '../../rotation/errors.ts';
import type { Administrators, Call, Issued, Rotator, Slot, Target } from '../../rotation/ports.ts';
import { Access } from './access.ts';
import { blocked } from './blocked.ts';
import { bootstrap } from './bootstrap.ts';
import { blockersOf, credentialsOf, type Catalogue } from './catalogue.ts';
import { SqlConnection, SqlFailure, type ClientOptions } from './client.ts';
import { claimsAddress, parseTarget, readCloud, type SqlCloud, type SqlServerConfig } from './config.ts';
import { translate } from './failures.ts';
import { grantsQuery, identifier, sessionsQuery, setEnabled, setPassword } from './sql.ts';

export interface SqlServerDeps extends ClientOptions {
  readonly administrators: Administrators;
  /** `single`: one account, whose password is replaced in place. A pair when absent. */
  readonly accounts?: 'pair' | 'single';
  /** Domain of Azure SQL in this cloud, with its leading dot and maybe a port; for servers named by an ARM id. */
  readonly sqlSuffix?: string;
  /** Entra scope of Azure SQL in this cloud. */
  readonly scope?: string;
  /** `revoke` also disables the login, and `set` enables it again. Contained users cannot be disabled. */
  readonly disableOnRevoke?: boolean;
}

type SqlTarget = Target<SqlServerConfig>;

/**
 * Dual-account rotation for SQL Server, Azure SQL Database and Managed Instance. A plain `set` is one log-in and two
 * statements (one SELECT, one ALTER) and one log-in more for logins of Azure SQL Database; `test` is one log-in.
 */
export function sqlServerRotator(deps: SqlServerDeps): Rotator<SqlServerConfig> {
  const cloud = readCloud(deps.sqlSuffix ?? '.database.windows.net');
  const scope = deps.scope ?? 'https://database.windows.net/.default';
  const forms = new Map<string, 'azure' | 'box'>();
  const accessTo = (target: SqlTarget, call: Call): Access =>
    new Access({ ...deps, cloud, scope, forms }, target, call);
  const disable = deps.disableOnRevoke === true;
  const single = deps.accounts === 'single';
  return {
    kind: single ? 'sql-server-single' : 'sql-server',
    capabilities: {
      minting: 'engine',
      overlap: single ? 'none' : 'two-slots',
      revocable: !single,
      proof: 'log-in',
    },
    claims: (address) => claimsAddress(address, cloud),
    parseTarget: (input) => parseTarget(input, cloud, single),
    describe: (target, slot) => describe(target, slot, cloud),
    async check(target, slot, _current, call) {
      const access = accessTo(target, call);
      return access.run(async (connection) => {
        const { catalogue } = await access.look(connection, grantsQuery);
        return blockersOf(catalogue, target, slot);
      });
    },
    async list(target, call) {
      const access = accessTo(target, call);
      return access.run(async (connection) => {
        const { catalogue, form } = await access.look(connection, sessionsQuery);
        // VIEW DATABASE STATE cannot be granted in master of Azure SQL (facts D1), so who is logged in is not known.
        if (form === 'azure-master') return credentialsOf(catalogue).map(({ sessions: _, ...rest }) => rest);
        if (!catalogue.seesSessions) throw unseenSessions(catalogue, target, 'none');
        return credentialsOf(catalogue);
      });
    },
    async set(target, pending, call) {
      const { slot, value } = pending;
      if (value === undefined) throw new TypeError('the engine mints the value for sql-server');
      if (!target.slots.includes(slot) || (!single && slot === pending.current.slot)) throw inUse(slot, target);
      const access = accessTo(target, call);
      const work = async (connection: SqlConnection): Promise<Issued> => {
        const { catalogue } = await access.look(connection, grantsQuery);
        const account = catalogue.accounts.get(slot);
        const [blocker] = blockersOf(catalogue, target, slot);
        if (blocker !== undefined) throw blocked(blocker);
        if (account === undefined) throw new TypeError(`no blocker for a missing account ${slot}`);
        // In a database of Azure SQL it cannot be seen whether the login is disabled; enabling it again does no harm.
        const hidden = catalogue.azure && account.kind === 'login' && disable;
        // The password first: enabled before, the login would be open to its old one for a moment.
        const enable = account.disabled || hidden ? [setEnabled(slot, true)] : [];
        await access.alter(connection, catalogue, account, [
          setPassword(account.kind, slot, value.reveal()),
          ...enable,
        ]);
        return { credentialId: slot, slot, value };
      };
      return access.run(work, { about: slot });
    },
    async test(target, issued, call) {
      const { host, port, database } = target.config;
      const place = { host, port, database };
      const name = issued.slot;
      try {
        const who = { kind: 'password', user: name, password: issued.value } as const;
        (await SqlConnection.open(place, who, deps, call.signal)).close();
      } catch (error) {
        throw translate(error, { role: 'account', name, place });
      }
    },
    async revoke(target, slot, how, call) {
      const access = accessTo(target, call);
      if (single) {
        call.signal.throwIfAborted();
        if (how.endSessions) await endSessions(access, target, slot);
        return;
      }
      await access.run((connection) => revoke(access, connection, target, slot, { ...how, disable }), { about: slot });
    },
    ...(single
      ? {}
      : {
          bootstrap: (target, { dryRun }, call) => bootstrap(accessTo(target, call), target, randomPassword, dryRun),
        }),
  };
}

/** The value is replaced by one that nobody knows; with `endSessions` what was opened with the old one is ended. */
async function revoke(
  access: Access,
  connection: SqlConnection,
  target: SqlTarget,
  slot: Slot,
  how: { readonly endSessions: boolean; readonly disable: boolean },
): Promise<void> {
  const { catalogue, form } = await access.look(connection, sessionsQuery);
  const account = catalogue.accounts.get(slot);
  const [first] = blockersOf(catalogue, target, slot).filter(({ code }) => code === 'ACCESS_DENIED');
  if (account === undefined) {
    // Not there, or not to be seen: only the first is success.
    if (first !== undefined) throw blocked(first);
    return;
  }
  if (!account.mayAlter && first !== undefined) throw blocked(first);
  const off = how.disable && account.kind === 'login' ? [setEnabled(slot, false)] : [];
  await access.alter(connection, catalogue, account, [setPassword(account.kind, slot, randomPassword(slot)), ...off]);
  if (!how.endSessions || form === 'azure-master') return;
  if (!catalogue.seesSessions) throw unseenSessions(catalogue, target, 'applied');
  // Asked again: somebody may have logged in before the password changed. The first connection may be closed by now.
  await endSessions(access, target, slot);
}

async function endSessions(access: Access, target: SqlTarget, slot: Slot): Promise<void> {
  await access.run(
    async (now) => {
      const { catalogue, form } = await access.look(now, sessionsQuery);
      if (form !== 'azure-master' && !catalogue.seesSessions) throw unseenSessions(catalogue, target, 'applied');
      for (const { id } of catalogue.sessions.get(slot) ?? []) await kill(now, id);
    },
    { about: slot },
  );
}

async function kill(connection: SqlConnection, id: number): Promise<void> {
  try {
    await connection.change(`KILL ${id}`);
  } catch (error) {
    // 6106: it has gone by itself.
    if (!(error instanceof SqlFailure) || !error.numbers.includes(6106)) throw error;
  }
}

/** 32 characters of four classes, without the account's name in them (facts D1); known to the server only. */
function randomPassword(name: string): string {
  for (;;) {
    const password = `Aa1!${randomBytes(21).toString('base64url')}`;
    if (name.length < 3 || !password.toLowerCase().includes(name.toLowerCase())) return password;
  }
}

function describe({ config, hosts, slots }: SqlTarget, slot: Slot, { domain }: SqlCloud): readonly string[] {
  const server = hosts[0] ?? '';
  const azure = config.host.endsWith(domain) && config.database.toLowerCase() !== 'master' && !config.contained;
  return [
    `log in to ${server}/${config.database} as the administrator`,
    `SELECT the existence and the grants of ${slots.join(' and ')} from the catalogue`,
    ...(azure ? [`log in to ${server}/master as the administrator, if ${slot} is a login of Azure SQL Database`] : []),
    `ALTER ${config.contained ? 'USER' : 'LOGIN'} ${identifier(slot)} WITH PASSWORD = N'<generated>'`,
  ];
}

function inUse(slot: Slot, target: SqlTarget): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `${slot} on ${target.hosts[0] ?? ''} is not the idle account of the pair ${target.slots.join(', ')}; its password is left alone`,
    remedy: 'See which account the tag CredentialId of the current version names: only the other one may be set.',
  });
}

function unseenSessions(catalogue: Catalogue, target: SqlTarget, effect: 'none' | 'applied'): RotationError {
  const who = identifier(catalogue.administrator);
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    effect,
    message: `the administrator ${catalogue.administrator} may not see who is logged in on ${target.hosts[0] ?? ''}`,
    remedy: catalogue.azure
      ? `In ${catalogue.database}: GRANT VIEW DATABASE STATE TO ${who}`
      : `In master: GRANT VIEW SERVER STATE TO ${who}`,
  });
}
