import type { ArmClient } from '../azure/arm/client.ts';
import type { Asked } from '../azure/rest-errors.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Call, Clock, Discovered, Discovery, Gap, ObjectRef, Reference } from '../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from './adapter.ts';
import { bounded, gapOf, hidden, isWithin, notAsked, silentFor } from './gaps.ts';
import { askGraph, graphQuery, mayHold, type GraphAnswer } from './graph.ts';
import { patiently, within } from './patience.ts';

export interface DiscoveryDeps {
  readonly adapters: readonly ConsumerAdapter[];
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Ids, lower case. */
  readonly subscriptions: readonly string[];
}

type Candidate = readonly [adapter: ConsumerAdapter, resource: FoundResource];

/** ARM refills 25 reads a second for each subscription and identity; so many at a time stay below it. */
const AT_A_TIME = 8;
/** For all of one look, the query included: the engine gives it 100 s and more, and what was found by then must be told before that. */
export const LOOK_MS = 90_000;
/** For one candidate, with its waits: longer than an operation of ARM is followed (a run command of AKS, 30 s), and no longer. */
export const CANDIDATE_MS = 45_000;

/**
 * Finds the consumers of an object by the references that they hold: one query of Resource Graph for the resources that may hold one,
 * then each of them is asked. Whoever cannot be asked, or does not answer in its share of the time, is a gap, and keeps no other from
 * being found.
 */
export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { subscriptions, arm, clock } = deps;
  return {
    enabled: subscriptions.length > 0,
    waitsFor: () => subscriptions.length > 0,
    async find(object, call, only) {
      const adapters = deps.adapters.filter(({ objects }) => objects.includes(object.kind));
      if (subscriptions.length === 0 || adapters.length === 0) return { references: [], gaps: [] };
      const end = clock.now().getTime() + LOOK_MS;
      const asked: Asked = { what: 'Resource Graph', host: arm.host, mutates: false };
      const answer = await askGraph(
        (request) => patiently(clock, asked, call, () => arm.send(request, call)),
        graphQuery(adapters, object),
        subscriptions,
      );
      const candidates = candidatesOf(adapters, answer).filter(([, { id }]) => isWithin(only, id));
      const { references, gaps } = await askAll(deps, candidates, object, call, end);
      return { references, gaps: bounded([...hidden(subscriptions, answer), ...gaps]) };
    },
  };
}

function candidatesOf(adapters: readonly ConsumerAdapter[], { found }: GraphAnswer): readonly Candidate[] {
  return found.flatMap((resource) =>
    adapters
      .filter((adapter) => adapter.types.includes(resource.type) && mayHold(adapter, resource.says))
      .map((adapter): Candidate => [adapter, resource]),
  );
}

/** @param end in ms since 1970: nobody is asked after that, or waited for */
async function askAll(
  deps: DiscoveryDeps,
  candidates: readonly Candidate[],
  object: ObjectRef,
  call: Call,
  end: number,
): Promise<Discovered> {
  const references: (readonly Reference[])[] = [];
  const gaps: Gap[] = [];
  // One source for all of them: whoever is done takes the next.
  const rest = candidates.entries();
  const askOn = async (): Promise<void> => {
    for (const [index, candidate] of rest) {
      const found = await askOne(deps, candidate, object, call, end);
      if ('gap' in found) gaps.push(found.gap);
      else references[index] = found.references;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, askOn));
  return { references: references.flat(), gaps };
}

/** @throws when the call itself is over: then nothing is known about the rest, which is no gap, but no answer at all */
async function askOne(
  { arm, clock }: DiscoveryDeps,
  [adapter, resource]: Candidate,
  object: ObjectRef,
  call: Call,
  end: number,
): Promise<Pick<Discovered, 'references'> | { readonly gap: Gap }> {
  const { id } = resource;
  const asked: Asked = { what: `the references of ${id}`, host: arm.host, mutates: false };
  const share = Math.min(CANDIDATE_MS, end - clock.now().getTime());
  if (share <= 0) return { gap: gapOf(id, notAsked(id, LOOK_MS)) };
  try {
    const read = (own: Call) => patiently(clock, asked, own, () => adapter.find(resource, object, own));
    return { references: await within(clock, share, call, read, () => silentFor(id, share)) };
  } catch (error) {
    if (!(error instanceof RotationError) || call.signal.aborted) throw error;
    // The graph's copy is behind: it lists for a while what is deleted.
    return error.code === 'TARGET_NOT_FOUND' ? { references: [] } : { gap: gapOf(id, error) };
  }
}
