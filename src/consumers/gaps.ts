import { RotationError } from '../rotation/errors.ts';
import type { Gap } from '../rotation/ports.ts';
import type { GraphAnswer } from './graph.ts';

/* Places that could not be looked through, each with what to do about it. */

/** They are kept with the object: what is wrong once is wrong many times, and one row must hold them. */
const MOST_GAPS = 50;

export function gapOf(where: string, { message, remedy, recovery }: RotationError): Gap {
  const passing = recovery === 'retry' ? ({ passing: true } as const) : {};
  return { where, message, ...(remedy === undefined ? {} : { remedy }), ...passing };
}

/** Is it one of these places, or in one of them? @param only absent: everywhere; so where some are not named */
export function isWithin(only: readonly Gap[] | undefined, id: string): boolean {
  if (only === undefined) return true;
  const [, , subscription = ''] = id.split('/');
  const places = [id.toLowerCase(), `/subscriptions/${subscription}`.toLowerCase()];
  return only.some(({ where, count }) => count !== undefined || places.includes(where.toLowerCase()));
}

/** The subscriptions of which the identity sees nothing, or only a part: whether a group's reader sees them is not verified [U]. */
export function hidden(subscriptions: readonly string[], { visible }: GraphAnswer): readonly Gap[] {
  return subscriptions
    .filter((id) => !visible.has(id))
    .map((id) => ({
      where: `/subscriptions/${id}`,
      message: `the app's identity does not see the subscription ${id}: consumers in it are not found`,
      remedy:
        `Grant it, or take the subscription out of KEYTURN_SUBSCRIPTIONS: az role assignment create --assignee-object-id ` +
        `"<object id of the app's managed identity>" --assignee-principal-type ServicePrincipal --role "Reader" --scope "/subscriptions/${id}"`,
    }));
}

export function bounded(gaps: readonly Gap[]): readonly Gap[] {
  const count = gaps.length - MOST_GAPS;
  if (count <= 0) return gaps;
  const passing = gaps.slice(MOST_GAPS).some((one) => one.passing) ? ({ passing: true } as const) : {};
  const rest = {
    where: `${count} more`,
    message: `${count} more could not be looked through; mend these first`,
    count,
    ...passing,
  };
  return [...gaps.slice(0, MOST_GAPS), rest];
}

/** It was asked, and says nothing. */
export function silentFor(id: string, ms: number): RotationError {
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    message: `${id} has not answered within ${seconds(ms)}`,
    remedy: `See what keeps it from answering: az resource show --ids "${id}"`,
  });
}

/** Others have taken all the time. */
export function notAsked(id: string, ms: number): RotationError {
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    message: `${id} was not asked: the time for one look, ${seconds(ms)}, was over`,
    remedy: 'Nothing: the places that are left are looked through the next time.',
  });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
