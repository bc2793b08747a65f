import type { Asked } from '../../azure/rest-errors.ts';
import { pause } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock } from '../../rotation/ports.ts';

/*
 * A new client secret is refused (AADSTS7000215) until Entra's replicas have it: 4 to 18 seconds were seen, and there is no
 * promise (microsoftgraph/microsoft-graph-docs#17966). Its text is told once, by addPassword, so that it cannot be waited
 * for over several deliveries: nothing may keep it but the vault's own version, which is written when it is proved.
 *
 *   call │ waits for                                    │ at most │ then
 *   ─────┼──────────────────────────────────────────────┼─────────┼──────────────────────────────────────────────────
 *   set  │ the first log-in                             │ 45 s    │ returns it all the same: test has its own time
 *   test │ three log-ins in a row, if it is young       │ 50 s    │ CREDENTIAL_REJECTED, to be tried again
 *
 * So one attempt takes a propagation of a minute and a half. A slower one fails; the engine backs off, removes the secret
 * that it finds by the run's id, and makes another: each attempt is a fresh draw, and never more than one secret is left.
 * After ten attempts the run is blocked, and looked at again every day. All that time readers have the old secret.
 *
 * Died while waiting: nobody knows the text, and the secret carries the run's id. It is removed when the run is resumed.
 */

const EVERY_MS = 3_000;
export const SET_PATIENCE_MS = 45_000;
export const TEST_PATIENCE_MS = 50_000;
/** So often in a row, from whichever replicas answer, a new secret must be accepted before readers are given it. */
export const IN_A_ROW = 3;
/** Younger than this, by Graph's own clock, a secret may be refused only because it is new. */
const YOUNG_MS = 10 * 60_000;

export interface Patience {
  readonly clock: Clock;
  readonly inARow: number;
  /** When the waiting ends; what a call did before it has had its share of the call's minute. */
  readonly until: Date;
  /** So long passes before the first log-in: one that must fail would be an alert in Entra's logs. */
  readonly firstMs: number;
  readonly asked: Asked;
}

/** May it be refused only because it is new? @param readOn when it was listed, by the clock that dated `madeOn` */
export function isYoung(madeOn: Date | undefined, readOn: Date): boolean {
  return madeOn !== undefined && readOn.getTime() - madeOn.getTime() < YOUNG_MS;
}

/**
 * Asks until the answer is yes so many times in a row, the time is over, or something else than the secret is wrong.
 * @returns undefined when it is accepted, or the last problem
 * @throws TIMED_OUT when the call ends before
 */
export async function accepted(
  ask: () => Promise<RotationError | undefined>,
  { clock, inARow, until, firstMs, asked }: Patience,
  call: Call,
): Promise<RotationError | undefined> {
  let row = 0;
  let last = new RotationError({
    code: 'CREDENTIAL_REJECTED',
    recovery: 'retry',
    message: `${asked.what} did not succeed ${inARow} times in a row`,
  });
  if (firstMs > 0) await pause(clock, firstMs, asked, call);
  for (;;) {
    const problem = await ask();
    if (problem !== undefined && problem.code !== 'CREDENTIAL_REJECTED') return problem;
    row = problem === undefined ? row + 1 : 0;
    if (row >= inARow) return undefined;
    last = problem ?? last;
    if (clock.now().getTime() + EVERY_MS > until.getTime()) return last;
    await pause(clock, EVERY_MS, asked, call);
  }
}
