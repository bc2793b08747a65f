import { RotationError } from '../../rotation/errors.ts';
import type { Target } from '../../rotation/ports.ts';
import { accountOf, readPair, type State } from './accounts.ts';
import type { Query } from './client.ts';
import type { MysqlConfig } from './config.ts';
import { compare, unsupported } from './grants.ts';
import { identifiedBy, nobodyKnows, shown, type Authentication } from './password.ts';
import { accountName, createLocked, type Account } from './sql.ts';

/**
 * Creates the second account with what the account in use has: the way it logs in, who must use TLS, limits, password policy,
 * grants, roles. It is locked and has a random password that nobody knows, so nobody can log in with it before the first `set`.
 * Only gives, never takes: what the second account has too much is returned as a line that says what to run.
 *
 * The server knows no transaction around account statements. After it throws with `applied`, what was done before stays done;
 * running it again goes on from there, and does nothing when all is done.
 */
export async function bootstrap(
  query: Query,
  target: Target<MysqlConfig>,
  me: string,
  dryRun: boolean,
): Promise<readonly string[]> {
  const idle = accountOf(target, target.slots.find((slot) => slot !== target.current) ?? '');
  const before = await readPair(query, target, me);
  const model = before.accounts.get(target.current);
  if (model === undefined) throw nothingToCopy(accountOf(target, target.current));
  const authentication = loginOf(model);
  const there = before.accounts.get(idle.user);
  const create = there === undefined ? [createLocked(idle, shown(authentication))] : [];
  const plan = compare(model, there ?? newAccount(model, idle));
  const done = [...create, ...plan.give];
  if (dryRun) return [...done, ...leftOver(plan.take, plan.unreachable)];
  if (there === undefined) {
    const sql = createLocked(idle, identifiedBy(authentication, nobodyKnows()));
    await query(sql, { mutates: true, what: `CREATE USER ${accountName(idle)}` });
  }
  for (const sql of plan.give) await query(sql, { mutates: true });
  // A new account may have got something by itself, such as a mandatory role; so look again.
  const after = await readPair(query, target, me);
  const found = after.accounts.get(idle.user);
  if (found === undefined) throw new TypeError('the account that has just been created does not exist');
  const rest = compare(model, found);
  if (rest.give.length > 0) throw notGranted(me, rest.give);
  return [...done, ...leftOver(rest.take, rest.unreachable)];
}

function loginOf(model: State): Authentication {
  const message = unsupported(model);
  if (message === undefined) return model.authentication as Authentication;
  const remedy =
    'Let it log in with a password that mysql_native_password or caching_sha2_password checks, and nothing more.';
  throw new RotationError({ code: 'CONFIG_INVALID', recovery: 'reconfigure', message, remedy });
}

/** What CREATE USER makes: the usual of everything. */
function newAccount(model: State, account: Account): State {
  return { account, authentication: model.authentication, settings: new Map(), grants: [] };
}

function leftOver(take: readonly string[], unreachable: readonly string[]): readonly string[] {
  return [
    ...take.map((sql) => `not done, for you to decide: ${sql}`),
    ...unreachable.map((what) => `not done, unknown to Keyturn: ${what}`),
  ];
}

function nothingToCopy(model: Account): RotationError {
  return new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'reconfigure',
    message: `the account in use, ${accountName(model)}, does not exist, so there is nothing to copy`,
    remedy: 'Correct the tag CredentialId, or accountHost in ProviderAddress.',
  });
}

function notGranted(me: string, statements: readonly string[]): RotationError {
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    effect: 'applied',
    message: `the administrator ${me} could not give all that the account in use has; what was given stays`,
    remedy: `Run as somebody who may grant it, then bootstrap again: ${statements.join('; ')}`,
  });
}
