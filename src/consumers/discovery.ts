import type { ArmClient } from '../azure/arm/client.ts';
import type { Asked } from '../azure/rest-errors.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Call, Clock, Discovered, Discovery, ObjectRef, Reference } from '../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from './adapter.ts';
import { askGraph, graphQuery, mayHold, type GraphAnswer } from './graph.ts';
import { patiently } from './patience.ts';

export interface DiscoveryDeps {
  readonly adapters: readonly ConsumerAdapter[];
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Ids, lower case. */
  readonly subscriptions: readonly string[];
  /** How long one resource may take to answer; 45 s when absent. */
  readonly longestMs?: number;
}

type Gap = Discovered['gaps'][number];
type Candidate = readonly [adapter: ConsumerAdapter, resource: FoundResource];

/** ARM refills 25 reads a second for each subscription and identity; so many at a time stay below it. */
const AT_A_TIME = 8;
/** One that hangs keeps none of the others from being found. A cluster takes up to half a minute for a command. */
const LONGEST_MS = 45_000;
/** The gaps are kept with the object: what is wrong once is wrong many times, and one row must hold them. */
const MOST_GAPS = 50;

/**
 * Finds the consumers of an object by the references that they hold: one query of Resource Graph for the resources that may hold one,
 * then each of them is asked. Whoever cannot be asked is a gap, and keeps no other from being found.
 */
export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { subscriptions, arm, clock } = deps;
  return {
    enabled: subscriptions.length > 0,
    waitsFor: () => subscriptions.length > 0,
    async find(object, call) {
      const adapters = deps.adapters.filter(({ objects }) => objects.includes(object.kind));
      if (subscriptions.length === 0 || adapters.length === 0) return { references: [], gaps: [] };
      const asked: Asked = { what: 'Resource Graph', host: arm.host, mutates: false };
      const answer = await askGraph(
        (request) => patiently(clock, asked, call, () => arm.send(request, call)),
        graphQuery(adapters, object),
        subscriptions,
      );
      const { references, gaps } = await askAll(deps, candidatesOf(adapters, answer), object, call);
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

async function askAll(
  { clock, arm, longestMs = LONGEST_MS }: DiscoveryDeps,
  candidates: readonly Candidate[],
  object: ObjectRef,
  call: Call,
): Promise<Discovered> {
  const references: (readonly Reference[])[] = [];
  const gaps: Gap[] = [];
  // One source for all of them: whoever is done takes the next.
  const rest = candidates.entries();
  const askOn = async (): Promise<void> => {
    for (const [index, [adapter, resource]] of rest) {
      const asked: Asked = { what: `the references of ${resource.id}`, host: arm.host, mutates: false };
      try {
        references[index] = await within(clock, longestMs, call, (bounded) =>
          patiently(clock, asked, bounded, () => adapter.find(resource, object, bounded)),
        );
      } catch (error) {
        // When the time is over nothing is known about the rest: that is no gap, but no answer at all.
        if (!(error instanceof RotationError) || call.signal.aborted) throw error;
        // The graph's copy is behind: it lists for a while what is deleted.
        if (error.code !== 'TARGET_NOT_FOUND') gaps.push(gapOf(resource.id, error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, askOn));
  return { references: references.flat(), gaps };
}

async function within<T>(clock: Clock, ms: number, call: Call, work: (call: Call) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const cancel = clock.after(ms, () => over.abort());
  try {
    return await work({ ...call, signal: AbortSignal.any([call.signal, over.signal]) });
  } finally {
    cancel();
  }
}

function gapOf(where: string, { message, remedy, recovery }: RotationError): Gap {
  const passing = recovery === 'retry' ? ({ passing: true } as const) : {};
  return { where, message, ...(remedy === undefined ? {} : { remedy }), ...passing };
}

/** The subscriptions of which the identity sees nothing, or only a part: whether a group's reader sees them is not verified [U]. */
function hidden(subscriptions: readonly string[], { visible }: GraphAnswer): readonly Gap[] {
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

function bounded(gaps: readonly Gap[]): readonly Gap[] {
  const more = gaps.length - MOST_GAPS;
  if (more <= 0) return gaps;
  const passing = gaps.slice(MOST_GAPS).some((one) => one.passing) ? ({ passing: true } as const) : {};
  const rest = { where: `${more} more`, message: `${more} more could not be looked through; mend these first` };
  return [...gaps.slice(0, MOST_GAPS), { ...rest, ...passing }];
}
