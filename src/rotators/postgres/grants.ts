import type { Blocker } from '../../rotation/ports.ts';
import { identifier, PAIR } from './sql.ts';
import type { Query } from './client.ts';

interface Grant {
  readonly key: string;
  /** The statement that gives it, with the account between the two; absent where it cannot be done from here. */
  readonly give: readonly [string, string] | null;
  readonly take: readonly [string, string] | null;
}

interface Account {
  readonly name: string;
  /** The administrator has ADMIN OPTION on it. */
  readonly admin: boolean;
  readonly grants: readonly Grant[];
}

/** What one SELECT on the catalogue says of a pair. */
export interface Pair {
  readonly version: number;
  readonly me: string;
  readonly super: boolean;
  readonly createRole: boolean;
  readonly azure: boolean;
  readonly accounts: readonly Account[];
}

export interface Difference {
  /** What the account in use has and the other has not, and the other way round. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  /** Statements that give what is missing, and that take what is too much. */
  readonly give: readonly string[];
  readonly take: readonly string[];
  /** What is missing and cannot be given from this database. */
  readonly unreachable: readonly string[];
}

export async function readPair(query: Query, names: readonly string[]): Promise<Pair> {
  const [row] = await query(PAIR, [[...names]], { what: 'reading the grants of the pair from the catalogue' });
  if (row === undefined) throw new TypeError('the catalogue query gave no row');
  return { ...row, accounts: row['accounts'] ?? [] } as unknown as Pair;
}

/** How the idle account differs from the model, the account in use. */
export function compare(pair: Pair, model: string, idle: string): Difference {
  const of = (name: string): readonly Grant[] => pair.accounts.find((account) => account.name === name)?.grants ?? [];
  const lacks = (name: string, grant: Grant): boolean => of(name).every((other) => other.key !== grant.key);
  const missing = of(model).filter((grant) => lacks(idle, grant));
  // An attribute that differs is mended by giving the model's; owning something does not harm the swap.
  const extra = of(idle).filter((grant) => lacks(model, grant) && (grant.take !== null || grant.give === null));
  const statement = (parts: readonly [string, string] | null): readonly string[] =>
    parts === null ? [] : [`${parts[0]}${identifier(idle)}${parts[1]}`];
  return {
    missing: missing.map((grant) => grant.key),
    extra: extra.map((grant) => grant.key),
    give: missing.flatMap((grant) => statement(grant.give)),
    take: extra.flatMap((grant) => statement(grant.take)),
    unreachable: missing.filter((grant) => grant.give === null).map((grant) => grant.key),
  };
}

/** What stands in the way of giving the idle account a new password and handing it to the readers. */
export function blockersOf(pair: Pair, model: string, idle: string, admin: string): readonly Blocker[] {
  const exists = (name: string): boolean => pair.accounts.some((account) => account.name === name);
  if (!exists(model)) {
    const remedy = `Correct the tag CredentialId, or: CREATE ROLE ${identifier(model)} LOGIN, with its grants.`;
    return [{ code: 'TARGET_NOT_FOUND', message: `the account in use, ${model}, does not exist`, remedy }];
  }
  if (!exists(idle)) {
    const remedy = 'POST /api/bootstrap creates it with the same grants; or correct the tag AlternateCredentialId.';
    return [{ code: 'TARGET_NOT_FOUND', message: `the second account, ${idle}, does not exist`, remedy }];
  }
  if (admin === idle || admin === model || pair.me === idle || pair.me === model) {
    const message = `${admin} is the administrator and cannot be an account of the pair`;
    return [{ code: 'CONFIG_INVALID', message, remedy: 'Give the application two accounts of its own.' }];
  }
  return [...rights(pair, idle), ...difference(compare(pair, model, idle), model, idle)];
}

/** PostgreSQL 16 and later ask for ADMIN OPTION besides CREATEROLE; Azure's administrators need neither (facts D2). */
function rights(pair: Pair, idle: string): readonly Blocker[] {
  const admin = pair.accounts.find((account) => account.name === idle)?.admin === true;
  if (pair.super || pair.azure || (pair.createRole && (admin || pair.version < 160_000))) return [];
  const me = identifier(pair.me);
  const role = pair.createRole ? [] : [`ALTER ROLE ${me} CREATEROLE`];
  const option =
    pair.version < 160_000 ? [] : [`GRANT ${identifier(idle)} TO ${me} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`];
  const message = `the administrator ${pair.me} may not change the password of ${idle}`;
  return [{ code: 'ACCESS_DENIED', message, remedy: [...role, ...option].join('; ') }];
}

function difference(found: Difference, model: string, idle: string): readonly Blocker[] {
  if (found.missing.length === 0 && found.extra.length === 0) return [];
  const list = (items: readonly string[]): string =>
    items.length <= 12 ? items.join(', ') : `${items.slice(0, 12).join(', ')} and ${items.length - 12} more`;
  const parts = [
    ...(found.missing.length > 0 ? [`${idle} lacks: ${list(found.missing)}`] : []),
    ...(found.extra.length > 0 ? [`${idle} has, and ${model} has not: ${list(found.extra)}`] : []),
  ];
  const statements = [...found.take, ...found.give];
  const others =
    found.unreachable.length > 0 || statements.length === 0 ? ['-- grants in other databases: compare them there'] : [];
  const remedy = [...statements, ...others].join('; ');
  return [{ code: 'GRANTS_DIFFER', message: parts.join('; '), remedy }];
}
