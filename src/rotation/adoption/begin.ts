import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Discovered, PropagateMessage, Reference, VersionRef } from '../ports.ts';
import { found, isDue } from './machine.ts';
import { isSettled, lookAgainAt, openGaps, type Adoption, type OpenGap, type Standing } from './record.ts';
import { DAILY_MS } from './schedule.ts';
import type { AdoptionSession } from './session.ts';

/** Thousands of resources are asked in it; the lease that was just taken lasts longer. */
const LOOKING_MS = 200_000;
/** By then who is found was found; else the sweep comes back. */
const FOUND_MS = 3600_000;

/**
 * The record to go on with, under the lease: of this version where it is known already, else a new one, with whoever is found. Places
 * that could not be looked through before are looked through again: soon where that may pass, else once a day, and when a retirement asks.
 * @returns undefined when there is nothing to do
 */
export async function begun(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  { again = false, gaps = false, recheck = false }: Pick<PropagateMessage, 'again' | 'gaps' | 'recheck'>,
): Promise<Adoption | undefined> {
  const before = session.record;
  const same = before?.version === version.version ? before : undefined;
  if (same?.discoveredAt === undefined || again || recheck) {
    return lookedAround(engine, session, version, same, again ? keptOf : standingOf);
  }
  if (openGaps(same).length > 0 && (gaps || isTime(same, session.now()))) {
    return lookedAgain(engine, session, version, same);
  }
  if (!same.consumers.some((one) => !isSettled(one) || isDue(one, session.now()))) return undefined;
  await session.saveHeld(same);
  return same;
}

function isTime(record: Adoption, now: Date): boolean {
  const soon = lookAgainAt(record)?.getTime();
  return (soon ?? Date.parse(record.discoveredAt ?? '') + DAILY_MS) <= now.getTime();
}

async function lookedAround(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  same: Adoption | undefined,
  keeps: typeof keptOf,
): Promise<Adoption> {
  const now = session.now();
  const fresh: Adoption = {
    schema: 1,
    object: version.object,
    version: version.version,
    startedAt: same?.startedAt ?? now.toISOString(),
    wakeAt: new Date(now.getTime() + FOUND_MS).toISOString(),
    consumers: [],
    gaps: [],
  };
  // Whatever a person has said of this version outlives a crash in between.
  await session.saveHeld({ ...fresh, consumers: same?.consumers ?? [], gaps: same?.gaps ?? [] });
  const { references, gaps } = await lookFor(engine, session, version);
  const consumers = references.map((reference) => found(reference, keeps(same, reference), session.now()));
  return save(session, { ...fresh, checkedAt: now.toISOString(), consumers, gaps: stillAccepted(gaps, same) });
}

function lookFor(engine: Engine, session: AdoptionSession, { object }: VersionRef, only?: readonly OpenGap[]) {
  return session.call('looking for its consumers', (call) => engine.discovery.find(object, call, only), LOOKING_MS);
}

/** Asked for again, whoever has not adopted is told once more; who has, is asked whether it still holds, unless a person vouches for it. */
function keptOf(record: Adoption | undefined, { id }: Reference): Standing | undefined {
  const known = record?.consumers.find((one) => one.id === id);
  if (known === undefined) return undefined;
  return !isSettled(known) || known.proof?.kind === 'by-person' ? known : undefined;
}

/** Nobody is told again: only who was seen to have it is asked, and who was taken for gone and is there. */
function standingOf(record: Adoption | undefined, { id }: Reference): Standing | undefined {
  const known = record?.consumers.find((one) => one.id === id);
  const asked = known?.state === 'verified' && !['by-person', 'delivered'].includes(known.proof?.kind ?? '');
  return asked || known?.state === 'gone' ? undefined : known;
}

/**
 * Looks through the gaps once more. Everybody who is known stays as he is; whoever is found there comes to them, and is told like the
 * others. A look that fails as a whole leaves the gaps as they were: the consumers that are due are seen to all the same.
 */
async function lookedAgain(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  same: Adoption,
): Promise<Adoption> {
  await session.saveHeld(same);
  const looks = (same.looks ?? 1) + 1;
  let seen: Discovered;
  try {
    seen = await lookFor(engine, session, version, same.gaps);
  } catch (error) {
    if (!(error instanceof RotationError) || session.scope.isOver) throw error;
    engine.log('warn', 'places could not be looked through again', { code: error.code, problem: error.message });
    return save(session, { ...same, looks });
  }
  const fresh = seen.references.filter(
    ({ id }) => !same.consumers.some((one) => one.id === id && one.state !== 'gone'),
  );
  const added = fresh.map((reference) => found(reference, undefined, session.now()));
  const kept = same.consumers.filter(({ id }) => !added.some((one) => one.id === id));
  return save(session, { ...same, looks, consumers: [...kept, ...added], gaps: stillAccepted(seen.gaps, same) });
}

function stillAccepted(gaps: Discovered['gaps'], same: Adoption | undefined): readonly OpenGap[] {
  return gaps.map((gap) => {
    const accepted = same?.gaps.find(({ where }) => where === gap.where)?.accepted;
    return accepted === undefined ? gap : { ...gap, accepted };
  });
}

async function save(session: AdoptionSession, record: Adoption): Promise<Adoption> {
  const looked = { ...record, discoveredAt: session.now().toISOString() };
  await session.saveHeld(looked);
  return looked;
}
