import type { Decision } from '../policy.ts';
import type { KeyRotationPolicy, Period, VersionInfo } from '../ports.ts';

/** So late the vault's own rotation is taken for one that does not come. */
const LATE_MS = 24 * 3600_000;

/** By the calendar, in UTC; where the month is too short, its last day. Pure. */
export function plus(date: Date, { months, days }: Period, sign: 1 | -1 = 1): Date {
  const moved = new Date(date);
  moved.setUTCDate(1);
  moved.setUTCMonth(moved.getUTCMonth() + sign * months);
  const last = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate();
  moved.setUTCDate(Math.min(date.getUTCDate(), last));
  moved.setUTCDate(moved.getUTCDate() + sign * days);
  return moved;
}

type Dates = Pick<VersionInfo, 'createdOn' | 'expiresOn'>;

/** When the vault makes the next version by itself; undefined where its policy makes none. Pure. */
export function vaultRotatesAt({ rotates }: KeyRotationPolicy, { createdOn, expiresOn }: Dates): Date | undefined {
  if (rotates === undefined) return undefined;
  if (rotates.from === 'creation') return plus(createdOn, rotates.period);
  return expiresOn === undefined ? undefined : plus(expiresOn, rotates.period, -1);
}

/**
 * A key that is due is left to the vault's own rotation policy, where that comes before the key expires. Pure.
 * @returns the decision not to rotate, or undefined where it is for us to do
 */
export function leftToVault(policy: KeyRotationPolicy, current: Dates, now: Date): Decision | undefined {
  const at = vaultRotatesAt(policy, current);
  if (at === undefined || at.getTime() + LATE_MS <= now.getTime()) return undefined;
  if (current.expiresOn !== undefined && at >= current.expiresOn) return undefined;
  return {
    due: false,
    reason: 'VaultRotates',
    detail: `its rotation policy makes the vault rotate it at ${at.toISOString()}`,
    retryAt: new Date(at.getTime() + LATE_MS),
  };
}
