import type { Engine } from '../engine.ts';
import type { Discovered, Reference, VersionRef } from '../ports.ts';
import { found, isDue } from './machine.ts';
import { isSettled, lookAgainAt, type Adoption, type Standing } from './record.ts';
import type { AdoptionSession } from './session.ts';

/** Thousands of resources are asked in it; the lease that was just taken lasts longer. */
const LOOKING_MS = 200_000;
/** By then who is found was found; else the sweep comes back. */
const FOUND_MS = 3600_000;

/**
 * The record to go on with, under the lease: of this version where it is known already, else a new one, with whoever is found.
 * @returns undefined when there is nothing to do
 */
export async function begun(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  again: boolean,
): Promise<Adoption | undefined> {
  const before = session.record;
  const same = before?.version === version.version ? before : undefined;
  if (same?.discoveredAt !== undefined && !again) {
    const lookAt = lookAgainAt(same);
    if (lookAt !== undefined && lookAt <= session.now()) return lookedForAgain(engine, session, version, same);
    if (lookAt === undefined && !same.consumers.some((one) => !isSettled(one) || isDue(one, session.now())))
      return undefined;
    await session.saveHeld(same);
    return same;
  }
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
  await session.saveHeld(fresh);
  const { references, gaps } = await lookFor(engine, session, version);
  const consumers = references.map((reference) => found(reference, keptOf(same, reference), session.now()));
  const record = { ...fresh, discoveredAt: session.now().toISOString(), consumers, gaps };
  await session.saveHeld(record);
  return record;
}

/** Somebody gave no answer before: whoever is found now beside those that are known is seen to, too. */
async function lookedForAgain(
  engine: Engine,
  session: AdoptionSession,
  version: VersionRef,
  known: Adoption,
): Promise<Adoption> {
  await session.saveHeld(known);
  const { references, gaps } = await lookFor(engine, session, version);
  const now = session.now();
  const more = references.filter(({ id }) => !known.consumers.some((one) => one.id === id));
  const record = {
    ...known,
    ...{ discoveredAt: now.toISOString(), looks: (known.looks ?? 1) + 1, gaps },
    consumers: [...known.consumers, ...more.map((reference) => found(reference, undefined, now))],
  };
  await session.saveHeld(record);
  return record;
}

function lookFor(engine: Engine, session: AdoptionSession, { object }: VersionRef): Promise<Discovered> {
  return session.call('looking for its consumers', (call) => engine.discovery.find(object, call), LOOKING_MS);
}

/** Asked for again, whoever has not adopted is told once more; who has, is asked whether it still holds. */
function keptOf(record: Adoption | undefined, { id }: Reference): Standing | undefined {
  const known = record?.consumers.find((one) => one.id === id);
  return known === undefined || isSettled(known) ? undefined : known;
}
