import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { ObjectRef } from '../ports.ts';
import { afterWord } from './machine.ts';
import type { Adoption, OpenGap } from './record.ts';
import { consumersOf } from './runbook.ts';
import { scheduled } from './schedule.ts';
import { AdoptionSession } from './session.ts';

const BUSY_MS = 60_000;
const MOST_NAMED = 50;

/** What to do about a consumer that nobody can see into from here; the one place that says it. */
export function orAccept({ vault, name, kind }: ObjectRef): string {
  const which = kind === 'secret' ? '' : `,"kind":"${kind}"`;
  return `Where it cannot be seen from here, look at it yourself; if it uses the version, say so: POST /api/propagations {"vault":"${vault}","name":"${name}"${which},"accept":["<id of the consumer, or where of the gap>"]}`;
}

/**
 * Takes a person's word that these consumers use the version of the row, and that nobody in these gaps lacks it. May be repeated: whoever
 * is verified stays as he is. What waits for them sees it at its next look.
 * @param ids of consumers, or the places of gaps @param by who says so
 * @returns the row as it is afterwards
 * @throws REQUEST_INVALID naming those that there are; CONFLICT while somebody works on the row; after either nothing has changed.
 *   TIMED_OUT, UNAVAILABLE as the table does: then it may have been noted, and saying it again is harmless
 */
export async function accept(engine: Engine, object: ObjectRef, ids: readonly string[], by: string): Promise<Adoption> {
  const { adoptions, clock } = engine;
  const known = await consumersOf(engine, object);
  const session = await AdoptionSession.open({ adoptions, clock, owner: engine.uniqueId() }, known.object);
  const record = session.record ?? known;
  if (session.isHeld) throw busy(record);
  requireKnown(record, ids);
  const now = session.now();
  const isMeant = (id: string): boolean => ids.some((one) => one.toLowerCase() === id.toLowerCase());
  const consumers = record.consumers.map((one) => (isMeant(one.id) ? afterWord(one, by, now) : one));
  const gaps = record.gaps.map((gap) =>
    isMeant(gap.where) && gap.accepted === undefined ? { ...gap, accepted: { by, at: now.toISOString() } } : gap,
  );
  const isSame = [...consumers, ...gaps].every((one) => [...record.consumers, ...record.gaps].includes(one));
  if (isSame) return record;
  try {
    await session.saveReleased(scheduled({ ...record, consumers, gaps }, now));
  } catch (error) {
    throw error instanceof RotationError && error.code === 'LEASE_LOST' ? busy(record) : error;
  }
  engine.log('info', 'a person vouches for consumers', { object: record.object, version: record.version, ids, by });
  return session.record ?? record;
}

/** A gap that stands for many names none of them: nobody can have looked there. */
function isNamed({ count }: OpenGap): boolean {
  return count === undefined;
}

function requireKnown({ consumers, gaps, version }: Adoption, ids: readonly string[]): void {
  const there = [...consumers.map(({ id }) => id), ...gaps.filter(isNamed).map(({ where }) => where)];
  const problems = ids.flatMap((id, n) =>
    there.some((one) => one.toLowerCase() === id.toLowerCase())
      ? []
      : [{ path: `accept[${n}]`, message: `${id} is neither a consumer of version ${version} nor a gap` }],
  );
  if (problems.length === 0) return;
  throw new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'human',
    message: problems.map(({ path, message }) => `${path}: ${message}`).join('; '),
    problems,
    remedy: there.length === 0 ? 'There are none.' : `There are: ${there.slice(0, MOST_NAMED).join(', ')}`,
  });
}

function busy({ object: { vault, name } }: Adoption): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    retryAfterMs: BUSY_MS,
    message: `somebody sees to the consumers of ${name} in ${vault} just now`,
    remedy: 'Nothing was noted: say it again in a minute.',
  });
}
