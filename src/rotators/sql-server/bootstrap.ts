import { RotationError } from '../../rotation/errors.ts';
import type { Slot, Target } from '../../rotation/ports.ts';
import type { Access } from './access.ts';
import { blockersOf, mending, type Account, type Catalogue } from './catalogue.ts';
import type { SqlConnection } from './client.ts';
import type { SqlServerConfig } from './config.ts';
import { blocked } from './blocked.ts';
import { createAccount, grantsQuery, type AccountKind } from './sql.ts';

/**
 * Creates the account of the pair that is not current, with the grants of the current one, and gives an existing one
 * what it lacks; takes nothing away. The new account's password is random and known to nobody: the next rotation sets it.
 * Repeating it is safe: what exists is left as it is.
 * @returns one line for each statement run, or to be run, with `<generated>` for the password
 * @throws TARGET_NOT_FOUND when the current account does not exist; ACCESS_DENIED when the administrator may not
 */
export async function bootstrap(
  access: Access,
  target: Target<SqlServerConfig>,
  password: (name: string) => string,
  dryRun: boolean,
): Promise<readonly string[]> {
  const idle = target.slots.find((slot) => slot !== target.current) ?? '';
  return access.run(
    async (connection) => {
      const { catalogue } = await access.look(connection, grantsQuery);
      const model = modelOf(catalogue, target, idle);
      const existing = catalogue.accounts.get(idle);
      const lines: string[] = [];
      const account = existing ?? blank(model, idle);
      if (existing === undefined)
        lines.push(...(await create(access, connection, catalogue, account, password, dryRun)));
      const grants = mending(model, account).giving.filter((statement) => !implied(statement, existing, account));
      // The connection may have been closed in favour of one to master.
      const give = async (place: SqlConnection): Promise<void> => {
        for (const statement of grants) if (!dryRun && !statement.startsWith('--')) await place.change(statement);
      };
      if (needsMaster(catalogue, model.kind) && existing === undefined && !dryRun)
        await access.run(give, { about: idle });
      else await give(connection);
      return [...lines, ...grants];
    },
    { about: idle },
  );
}

/** The current account, once everything but the missing one is in order. */
function modelOf(catalogue: Catalogue, target: Target<SqlServerConfig>, idle: Slot): Account {
  const model = catalogue.accounts.get(target.current);
  for (const blocker of blockersOf(catalogue, target, idle)) {
    const curable =
      blocker.code === 'GRANTS_DIFFER' || (blocker.code === 'TARGET_NOT_FOUND' && !catalogue.accounts.has(idle));
    if (!curable) throw blocked(blocker);
  }
  if (model !== undefined) return model;
  throw new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'reconfigure',
    message: `there is no login or user ${target.current} on ${target.hosts[0] ?? ''} to take the grants from`,
    remedy: 'Correct the tag CredentialId: it names the account that readers use now.',
  });
}

/** An account that does not exist yet: it has nothing. */
function blank(model: Account, name: string): Account {
  return {
    name,
    kind: model.kind,
    disabled: false,
    mayAlter: true,
    names: { login: name, user: name, database: model.names.database },
    grants: [],
  };
}

/** What CREATE LOGIN, CREATE USER give by themselves. */
function implied(statement: string, existing: Account | undefined, account: Account): boolean {
  return existing === undefined && account.kind === 'contained' && statement.startsWith('CREATE USER ');
}

function needsMaster(catalogue: Catalogue, kind: AccountKind): boolean {
  return catalogue.azure && kind === 'login' && catalogue.database.toLowerCase() !== 'master';
}

async function create(
  access: Access,
  connection: SqlConnection,
  catalogue: Catalogue,
  account: Account,
  password: (name: string) => string,
  dryRun: boolean,
): Promise<string[]> {
  const { kind, name } = account;
  const line = createAccount(kind, name, '<generated>');
  const statement = createAccount(kind, name, password(name));
  if (!needsMaster(catalogue, kind)) {
    if (!dryRun) await connection.change(statement);
    return [line];
  }
  return access.run(
    async (master) => {
      const rows = await master.read('SELECT p.name AS name FROM sys.sql_logins p WHERE p.name = @a', { a: name });
      // The login may be there already, without a user in this database.
      if (rows.length > 0) return [];
      if (!dryRun) await master.change(statement);
      return [`${line} (in master)`];
    },
    { database: 'master', about: name },
  );
}
