/* The statements that change what an account logs in with, and who is logged in. */
import { RotationError } from '../../rotation/errors.ts';
import type { Slot, Target } from '../../rotation/ports.ts';
import { accountOf, readAccount, readSessions, type Session } from './accounts.ts';
import type { Query } from './client.ts';
import type { MysqlConfig } from './config.ts';
import { is } from './driver-error.ts';
import { identifiedBy, isSupported, nobodyKnows, shown, type Authentication } from './password.ts';
import { accountName, discardOldPassword, takeOutOfUse, type Account } from './sql.ts';

/**
 * One ALTER USER, and then none but the new password: a plain change leaves MySQL's second password alive (facts D3). The
 * server itself is asked whether it knows one, not its version.
 */
export async function storePassword(
  query: Query,
  account: Account,
  authentication: Authentication,
  statement: string,
): Promise<void> {
  await query(statement, { mutates: true, what: `ALTER USER ${accountName(account)} ${shown(authentication)}` });
  await discardSecond(query, account, authentication);
}

async function discardSecond(query: Query, account: Account, { dialect }: Authentication): Promise<void> {
  if (dialect !== 'mysql') return;
  try {
    await query(discardOldPassword(account), { mutates: true });
  } catch (error) {
    // ER_PARSE_ERROR: there is no second password to be discarded.
    if (!is(error, 1064)) throw error;
  }
}

export interface Revocation {
  readonly endSessions: boolean;
  /** Also lock the account; the next `set` unlocks it. */
  readonly lock: boolean;
}

/** An account that is gone is out of use; its sessions outlive it, and are ended all the same. */
export async function revoke(query: Query, target: Target<MysqlConfig>, slot: Slot, how: Revocation): Promise<void> {
  const account = accountOf(target, slot);
  const authentication = (await readAccount(query, account))?.authentication;
  if (authentication !== undefined) {
    if (typeof authentication === 'string' || !isSupported(authentication)) throw notRevocable(target, account);
    const statement = takeOutOfUse(account, identifiedBy(authentication, nobodyKnows()), how.lock);
    await storePassword(query, account, authentication, statement);
  }
  if (how.endSessions) await endSessions(query, target, slot);
}

/**
 * The password before, of a single account, where the server keeps one; elsewhere it is out of use since `set`. An account that
 * is gone, or that logs in without a password by now, has none.
 */
export async function revokeSecond(query: Query, target: Target<MysqlConfig>, slot: Slot): Promise<void> {
  const account = accountOf(target, slot);
  const authentication = (await readAccount(query, account))?.authentication;
  if (typeof authentication === 'object') await discardSecond(query, account, authentication);
}

export async function endSessions(query: Query, target: Target<MysqlConfig>, slot: Slot): Promise<void> {
  for (const one of await readSessions(query, target)) {
    if (one.user === slot) await kill(query, one);
  }
}

/**
 * On Azure nobody has SUPER, and there is a procedure for it. That KILL is refused there with 1095 or 1227, and that the
 * procedure may be called by this administrator, is unverified; without the procedure the server's own refusal is reported.
 */
async function kill(query: Query, { id, user }: Session): Promise<void> {
  const how = { mutates: true, what: `ending the sessions of ${user}` };
  try {
    await query(`KILL ${id}`, how);
  } catch (error) {
    if (is(error, 1094)) return; // ER_NO_SUCH_THREAD: it has gone by itself.
    if (!is(error, 1095, 1227)) throw error;
    try {
      await query(`CALL mysql.az_kill(${id})`, how);
    } catch (second) {
      throw is(second, 1044, 1305, 1370) ? error : second;
    }
  }
}

function notRevocable(target: Target<MysqlConfig>, account: Account): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `${target.id}: ${accountName(account)} logs in in a way for which Keyturn can set no password; it is still in use`,
    remedy: `ALTER USER ${accountName(account)} ACCOUNT LOCK`,
  });
}
