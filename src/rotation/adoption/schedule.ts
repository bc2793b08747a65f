import { isSettled, isWhole, laggards, lookAgainAt, openGaps, type Adoption } from './record.ts';

const AT_ONCE_MS = 1_000;
export const DAILY_MS = 24 * 3600_000;
const LOOKED_AT_MS = 30 * DAILY_MS;

/**
 * The record with the time of the next look: when the next consumer is due, or who gave no answer is asked again; else, once a day for a month as long as
 * anybody is without the version or a place could not be looked through; else none. Pure.
 */
export function scheduled({ wakeAt: _wakeAt, ...record }: Adoption, now: Date): Adoption {
  const open = record.consumers.filter((one) => !isSettled(one));
  const at = (ms: number): Adoption => ({ ...record, wakeAt: new Date(ms).toISOString() });
  const lookAt = lookAgainAt(record);
  if (open.length > 0 || lookAt !== undefined) {
    const due = open.map(({ nextAt }) => Date.parse(nextAt ?? record.startedAt));
    const first = Math.min(...due, ...(lookAt === undefined ? [] : [lookAt.getTime()]));
    return at(Math.max(first, now.getTime() + AT_ONCE_MS));
  }
  if (isWhole(record) || now.getTime() > Date.parse(record.startedAt) + LOOKED_AT_MS) return record;
  return at(now.getTime() + DAILY_MS);
}

/** `3 of 5 consumers have version …; propagating: …; failed: …; 1 place could not be looked through`. */
export function said(record: Adoption | undefined): string {
  if (record === undefined) return 'nobody was looked for yet';
  const { version, consumers } = record;
  const late = laggards(record);
  const rest = late.slice(0, 5).map(({ state, id }) => `${state}: ${id}`);
  const more = late.length > 5 ? [`and ${late.length - 5} more`] : [];
  const gaps = placesIn(record);
  return [
    `${consumers.length - late.length} of ${consumers.length} consumers have version ${version}`,
    ...rest,
    ...more,
    ...(gaps === 0 ? [] : [`${gaps} ${gaps === 1 ? 'place' : 'places'} could not be looked through`]),
  ].join('; ');
}

function placesIn(record: Adoption): number {
  return openGaps(record).reduce((sum, { count = 1 }) => sum + count, 0);
}
