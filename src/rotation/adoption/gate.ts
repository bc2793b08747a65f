import type { Engine } from '../engine.ts';
import type { Session } from '../session.ts';
import { laggards, openGaps, type Adoption } from './record.ts';

/** So often a retirement has the gaps looked through again: who asks it twice in a row costs one look. */
const GAPS_AGAIN_MS = 10 * 60_000;
const NAMED = 3;

/** What the waiting is for, in a sentence with the first few of `holdouts`. */
export function heldUpBy(left: readonly string[], version: string): string {
  return `${left.length} consumer(s), or places where one may be, are not seen to use version ${version}: ${left.slice(0, 2 * NAMED).join('; ')}`;
}

/** Whoever had the version once may have gone back to the old one, or have come since. */
const LOOKED_AT_ONCE_MORE = 'its consumers are looked at once more before anything is taken out of use';

/** Who is waited for, one line each. `soon`: it is known in a moment. */
export interface Holdouts {
  readonly left: readonly string[];
  readonly soon?: true;
}

/**
 * The same as `holdouts`, for what cannot be taken back: nobody counts as having the version who was not seen to have it since then.
 * @param since when the overlap was over
 */
export async function holdoutsSince(engine: Engine, session: Session, version: string, since: Date): Promise<Holdouts> {
  const left = await holdouts(engine, session, version);
  const { object } = session;
  if (left.length > 0 || !engine.discovery.waitsFor(object)) return { left };
  const entry = await session.call('asking when they were looked at', (call) => engine.adoptions.read(object, call));
  if (Date.parse(entry?.record.checkedAt ?? '') >= since.getTime()) return { left };
  await session.call('having its consumers looked at', (call) =>
    engine.queue.propagate({ object, version, resumes: true, recheck: true }, 0, call),
  );
  return { left: [LOOKED_AT_ONCE_MORE], soon: true };
}

/**
 * Who keeps an old credential, and old versions, from being taken out of use: every consumer that is not seen to have the version
 * yet, and is not advisory, and every place that could not be looked through, since somebody may be there. Where nobody has looked for
 * them since, they are looked for now; gaps are looked through again. Under the lease of the object.
 * @returns one line each; none where the settings name nobody who would be waited for
 */
export async function holdouts(engine: Engine, session: Session, version: string): Promise<readonly string[]> {
  const { object } = session;
  if (!engine.discovery.waitsFor(object)) return [];
  const entry = await session.call('asking for its consumers', (call) => engine.adoptions.read(object, call));
  if (entry?.record.version !== version || entry.record.discoveredAt === undefined) {
    // Its event was lost, or its work is not done yet; asking twice is one look.
    await session.call('having its consumers told', (call) =>
      engine.queue.propagate({ object, version, resumes: true }, 0, call),
    );
    const { vault, name } = object;
    const ask = `POST /api/propagations {"vault":"${vault}","name":"${name}","dryRun":true}`;
    return [`nobody has told the consumers of version ${version} yet; if it stays so, ${ask} tells what is in the way`];
  }
  const gaps = await gapsIn(engine, session, entry.record);
  const late = laggardsIn(entry.record);
  // Only the first few are named: some of both.
  return [...late.slice(0, NAMED), ...gaps.slice(0, NAMED), ...late.slice(NAMED), ...gaps.slice(NAMED)];
}

/** What is looked through meanwhile is seen by the next poll. */
async function gapsIn(engine: Engine, session: Session, record: Adoption): Promise<readonly string[]> {
  const open = openGaps(record);
  const { object, version, discoveredAt = '' } = record;
  if (open.length > 0 && Date.parse(discoveredAt) + GAPS_AGAIN_MS <= session.now().getTime()) {
    await session.call('having the gaps looked through', (call) =>
      engine.queue.propagate({ object, version, resumes: true, gaps: true }, 0, call),
    );
  }
  return open.map(
    ({ where, message, remedy = '' }) =>
      `${where} could not be looked through: ${message}${remedy === '' ? '' : `. ${remedy}`}`,
  );
}

function laggardsIn(record: Adoption): readonly string[] {
  return laggards(record)
    .filter(({ advisory }) => advisory !== true)
    .map(({ state, id, trouble }) =>
      trouble === undefined ? `${id} is ${state}` : `${id} is ${state}: ${trouble.message}`,
    );
}
