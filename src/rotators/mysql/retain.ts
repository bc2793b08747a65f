/* One account with two passwords: MySQL 8.0.14 and later keep the one before as a second one that logs in as well. */
import { createHash } from 'node:crypto';
import { RotationError } from '../../rotation/errors.ts';
import type { SecretValue } from '../../rotation/ports.ts';
import { storePassword } from './change.ts';
import type { Query } from './client.ts';
import { is } from './driver-error.ts';
import { identifiedBy, shown, type Authentication } from './password.ts';
import { accountName, alterPassword, alterRetaining, hasSecondPassword, lockName, type Account } from './sql.ts';

export interface Replacement {
  readonly value: SecretValue;
  /** What readers hold: it logs in for as long as this server can make it so. */
  readonly current: SecretValue;
  /** A log-in with the account itself. */
  readonly logsIn: (value: SecretValue) => Promise<boolean>;
}

/**
 * Gives the account its next password, and keeps the current one as the second, where the server has such a thing; elsewhere
 * the current one ends. With the current value as the next one, that one becomes the only one again.
 *
 * MySQL keeps the primary password only, and forgets the second one then. So, where there is a second one already, whatever an
 * interruption or a person has left, it is looked first which password is which; and readers' own is made the primary one
 * before the next is set. At no moment it does not log in.
 *
 * @throws CONFLICT when another session has been at this account for 20 seconds, with effect `none`
 */
export async function replacePassword(
  query: Query,
  account: Account,
  authentication: Authentication,
  { value, current, logsIn }: Replacement,
): Promise<void> {
  const plain = (password: SecretValue): string => alterPassword(account, identifiedBy(authentication, password));
  const alone = (password: SecretValue): Promise<void> =>
    storePassword(query, account, authentication, plain(password));
  const second = authentication.dialect === 'mysql' ? await lookForSecond(query, account) : undefined;
  if (second === undefined) return alone(value);
  if (value.equals(current)) return second || !(await logsIn(current)) ? alone(value) : undefined;
  if (second) {
    // Asked in this order: a log-in that fails may lock the account (FAILED_LOGIN_ATTEMPTS), and then readers' own fails, too.
    const live = await logsIn(current);
    if (await logsIn(value)) return;
    if (live) await query(plain(current), { mutates: true, what: whatOf(account, authentication) });
  }
  try {
    const what = `${whatOf(account, authentication)} RETAIN CURRENT PASSWORD`;
    await query(alterRetaining(account, identifiedBy(authentication, value)), { mutates: true, what });
  } catch (error) {
    // Not understood after all, an empty current password, a plugin that would change: it goes without.
    if (!is(error, 1064, 3878, 3894)) throw error;
    await alone(value);
  }
}

function whatOf(account: Account, authentication: Authentication): string {
  return `ALTER USER ${accountName(account)} ${shown(authentication)}`;
}

/**
 * Nobody else looks and then changes at the same time: a statement whose caller has given up may still be waiting, and a second
 * RETAIN would forget what the first has kept. The lock ends with the session.
 *
 * @returns undefined where the server knows no second password, or does not let it be seen. Asked so and not by trying, because
 *   a server may log a statement that it does not understand, and that one holds the password. That Azure shows this column
 *   is unverified; where it does not, the change is a plain one.
 */
async function lookForSecond(query: Query, account: Account): Promise<boolean | undefined> {
  const [lock] = await query(lockName(createHash('sha256').update(accountName(account)).digest('hex').slice(0, 32)));
  if (Number(lock?.['got']) !== 1) throw busy(account);
  try {
    const [row] = await query(hasSecondPassword(account));
    return Number(row?.['second']) === 1;
  } catch (error) {
    if (is(error, 1054, 1142, 1143)) return undefined;
    throw error;
  }
}

function busy(account: Account): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `another session of Keyturn is changing ${accountName(account)}`,
    remedy: 'Nothing, if it goes on by itself; else look for who holds GET_LOCK: SHOW PROCESSLIST',
  });
}
