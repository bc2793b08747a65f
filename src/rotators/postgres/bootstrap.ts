import { RotationError } from '../../rotation/errors.ts';
import type { Slot } from '../../rotation/ports.ts';
import type { Query } from './client.ts';
import { compare, readPair, type Pair } from './grants.ts';
import { identifier } from './sql.ts';

/**
 * Creates the second account with what the account in use has: attributes, memberships, direct grants, default
 * privileges, settings. It gets no password, so nobody can log in with it before the first `set`. Only gives, never
 * takes: what the second account has too much is returned as a line that says what to run. All in one transaction:
 * after it throws nothing has changed, unless the answer to COMMIT was lost. Running it again does nothing.
 */
export async function bootstrap(
  query: Query,
  slots: readonly Slot[],
  model: Slot,
  dryRun: boolean,
): Promise<readonly string[]> {
  const idle = slots.find((slot) => slot !== model) ?? '';
  const before = await readPair(query, slots);
  if (!has(before, model)) {
    throw new RotationError({
      code: 'TARGET_NOT_FOUND',
      recovery: 'reconfigure',
      message: `the account in use, ${model}, does not exist, so there is nothing to copy`,
      remedy: 'Correct the tag CredentialId.',
    });
  }
  const create = has(before, idle) ? [] : [`CREATE ROLE ${identifier(idle)} LOGIN`];
  if (dryRun) return plan(before, model, idle, create);
  await query('BEGIN', undefined, { what: 'BEGIN' });
  for (const sql of create) await query(sql);
  const found = create.length > 0 ? await readPair(query, slots) : before;
  const { give } = compare(found, model, idle);
  for (const sql of give) await query(sql);
  // A GRANT by somebody without the right to grant can end in a mere warning; so look again before it counts.
  const after = compare(await readPair(query, slots), model, idle);
  if (after.give.length > 0) throw notGranted(found.me, after.give);
  await query('COMMIT', undefined, { mutates: true, what: 'COMMIT' });
  return [...create, ...give, ...leftOver(after.take, after.unreachable)];
}

function has(pair: Pair, name: string): boolean {
  return pair.accounts.some((account) => account.name === name);
}

/** A new role starts with these attributes, so giving them again is not part of the plan. */
const DEFAULTS = /NOSUPERUSER|NOCREATEROLE|NOCREATEDB|NOREPLICATION|NOBYPASSRLS| INHERIT$|CONNECTION LIMIT -1$/;

function plan(pair: Pair, model: Slot, idle: Slot, create: readonly string[]): readonly string[] {
  const { give, take, unreachable } = compare(pair, model, idle);
  const asNew = create.length > 0 ? give.filter((sql) => !(sql.startsWith('ALTER ROLE ') && DEFAULTS.test(sql))) : give;
  return [...create, ...asNew, ...leftOver(take, unreachable)];
}

function leftOver(take: readonly string[], unreachable: readonly string[]): readonly string[] {
  return [
    ...take.map((sql) => `not done, for you to decide: ${sql}`),
    ...unreachable.map((what) => `not done, out of reach from this database: ${what}`),
  ];
}

function notGranted(me: string, statements: readonly string[]): RotationError {
  return new RotationError({
    code: 'ACCESS_DENIED',
    recovery: 'reconfigure',
    message: `the administrator ${me} may not grant all that the account in use has; nothing was changed`,
    remedy: `Run as the owner of the objects, then bootstrap again: ${statements.join('; ')}`,
  });
}
