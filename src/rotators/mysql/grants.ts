import type { Blocker } from '../../rotation/ports.ts';
import type { Pair, State } from './accounts.ts';
import { permissions } from './failures.ts';
import { isSupported } from './password.ts';
import { accountName, identifier, type Account } from './sql.ts';

export interface Difference {
  /** What the account in use has and the other has not, and the other way round. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** Statements that give what is missing, in an order that works, and that take what is too much. */
  readonly give: readonly string[];
  readonly take: readonly string[];
  /** What differs and has to be mended by hand. */
  readonly unreachable: readonly string[];
}

/** What a setting is when SHOW CREATE USER of MariaDB leaves it out; MySQL prints nearly all of them. */
function usual(name: string): string {
  if (name === 'REQUIRE' || name === 'DEFAULT ROLE') return 'NONE';
  return /^MAX_|^FAILED_|^PASSWORD_LOCK/.test(name) ? '0' : 'DEFAULT';
}

/** How the idle account differs from the model, the account in use. */
export function compare(model: State, idle: State): Difference {
  const account = accountName(idle.account);
  const lacks = (state: State, key: string): boolean => state.grants.every((grant) => grant.key !== key);
  const missing = model.grants.filter((grant) => lacks(idle, grant.key));
  const extra = idle.grants.filter((grant) => lacks(model, grant.key));
  const filled = (parts: readonly [string, string] | null): readonly string[] =>
    parts === null ? [] : [`${parts[0]}${account}${parts[1]}`];
  const settings = differingSettings(model, idle);
  const roles = settings.filter(([name]) => name === 'DEFAULT ROLE');
  const others = settings.filter(([name]) => name !== 'DEFAULT ROLE');
  const alter = ([name, value]: Setting): string =>
    `ALTER USER ${account} ${name.startsWith('MAX_') ? 'WITH ' : ''}${`${name} ${value}`.trim()}`;
  return {
    missing: [...settings.map(([name, value]) => `${name} ${value}`.trim()), ...missing.map((grant) => grant.key)],
    extra: extra.map((grant) => grant.key),
    // A default role has to be held first; MariaDB lists it among the grants, after the roles.
    give: [...others.map(alter), ...missing.flatMap((grant) => filled(grant.give)), ...roles.map(alter)],
    // A default role cannot be taken while it is one, and MariaDB lists it last.
    take: [...extra].reverse().flatMap((grant) => filled(grant.take)),
    unreachable: [...missing, ...extra].filter((grant) => grant.give === null).map((grant) => grant.key),
  };
}

type Setting = readonly [name: string, value: string];

/** The settings that differ, with the model's value: giving that one mends it, so there is nothing to take. */
function differingSettings(model: State, idle: State): readonly Setting[] {
  const names = new Set([...model.settings.keys(), ...idle.settings.keys()]);
  return [...names]
    .map((name): readonly [string, string, string] => [name, valueOf(model, name), valueOf(idle, name)])
    .filter(([name, wanted, found]) => wanted !== found && !isExpired(name, wanted, found))
    .map(([name, wanted]) => [name, wanted]);
}

function valueOf(state: State, name: string): string {
  return state.settings.get(name) ?? usual(name);
}

/** `PASSWORD EXPIRE` alone means "is expired", which hides the policy; the next password ends it. */
function isExpired(name: string, wanted: string, found: string): boolean {
  return name === 'PASSWORD EXPIRE' && (wanted === '' || found === '');
}

/** What stands in the way of giving the idle account a new password and handing it to the readers. */
export function blockersOf(pair: Pair, model: Account, idle: Account): readonly Blocker[] {
  const [inUse, other] = [pair.accounts.get(model.user), pair.accounts.get(idle.user)];
  if (inUse === undefined) {
    const remedy = `Correct the tag CredentialId, or accountHost in ProviderAddress, or: CREATE USER ${accountName(model)}, with its grants.`;
    return [{ code: 'TARGET_NOT_FOUND', message: `the account in use, ${accountName(model)}, does not exist`, remedy }];
  }
  if (other === undefined) {
    const remedy = 'POST /api/bootstrap creates it with the same grants; or correct the tag AlternateCredentialId.';
    return [{ code: 'TARGET_NOT_FOUND', message: `the second account, ${accountName(idle)}, does not exist`, remedy }];
  }
  if (pair.me === idle.user || pair.me === model.user) {
    const message = `${pair.me} is the administrator and cannot be an account of the pair`;
    return [{ code: 'CONFIG_INVALID', message, remedy: 'Give the application two accounts of its own.' }];
  }
  return [...rights(pair), ...logIns(inUse, other), ...difference(compare(inUse, other), model, idle)];
}

function rights({ me, rights: { alterAccounts, seeSessions } }: Pair): readonly Blocker[] {
  const lacks = [...(alterAccounts ? [] : ['CREATE USER']), ...(seeSessions ? [] : ['PROCESS'])];
  if (lacks.length === 0) return [];
  const message = `the administrator ${me} lacks ${lacks.join(' and ')}`;
  return [{ code: 'ACCESS_DENIED', message, remedy: permissions(me) }];
}

/** Readers use the same driver for both accounts, so both have to log in in the same way. */
function logIns(model: State, idle: State): readonly Blocker[] {
  for (const state of [model, idle]) {
    const message = unsupported(state);
    if (message !== undefined) return [{ code: 'CONFIG_INVALID', message, remedy: CHANGE }];
  }
  const [one, two] = [model, idle].map(({ authentication }) => (authentication as { plugin: string }).plugin);
  if (one === two) return [];
  const message = `${identifier(model.account.user)} logs in with ${one ?? ''}, ${identifier(idle.account.user)} with ${two ?? ''}`;
  const remedy = `ALTER USER ${accountName(idle.account)} IDENTIFIED WITH '${one ?? ''}' BY '<a random password>'`;
  return [{ code: 'GRANTS_DIFFER', message, remedy }];
}

const CHANGE =
  "Let it log in with a password: ALTER USER … REQUIRE SSL, ALTER USER … IDENTIFIED VIA mysql_native_password USING PASSWORD('…') on MariaDB, ALTER USER … IDENTIFIED WITH caching_sha2_password BY '…' on MySQL";

/** @returns why the account cannot be rotated: no password can be given to it, or none suffices to log in */
export function unsupported({ account, authentication, settings }: State): string | undefined {
  if (/X509|ISSUER|SUBJECT/.test(settings.get('REQUIRE') ?? '')) {
    return `${accountName(account)} needs a client's certificate to log in, which Keyturn has not`;
  }
  if (typeof authentication === 'string') return `${accountName(account)}: ${authentication}`;
  if (isSupported(authentication)) return undefined;
  return `${accountName(account)} logs in with ${authentication.plugin}, for which Keyturn can set no password`;
}

function difference(found: Difference, model: Account, idle: Account): readonly Blocker[] {
  if (found.missing.length === 0 && found.extra.length === 0) return [];
  const [used, other] = [accountName(model), accountName(idle)];
  const list = (items: readonly string[]): string =>
    items.length <= 12 ? items.join(', ') : `${items.slice(0, 12).join(', ')} and ${items.length - 12} more`;
  const parts = [
    ...(found.missing.length > 0 ? [`${other} lacks: ${list(found.missing)}`] : []),
    ...(found.extra.length > 0 ? [`${other} has, and ${used} has not: ${list(found.extra)}`] : []),
  ];
  const byHand = found.unreachable.length > 0 ? [`-- compare SHOW GRANTS FOR ${used} and FOR ${other}`] : [];
  const remedy = [...found.take, ...found.give, ...byHand].join('; ');
  return [{ code: 'GRANTS_DIFFER', message: parts.join('; '), remedy }];
}
