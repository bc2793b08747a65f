import { RotationError } from '../rotation/errors.ts';
import type {
  Call,
  Consumer,
  Discovered,
  Discovery,
  Gap,
  ObjectRef,
  Reference,
  VersionRef,
} from '../rotation/ports.ts';
import { FORMATS, subscribes, type Channel, type Format } from './channel.ts';
import { deliver, deliveryId, type DeliverDeps } from './deliver.ts';
import { channelGone } from './refusals.ts';
import { versionSaid } from './said.ts';

/*
 * Channels as consumers: whoever has answered 2xx has the version. Nobody can be asked for it later, so what is remembered is the
 * object's own row; a delivery that it does not know of yet is made again after a crash, under the same id.
 */

export interface ChannelDeps extends DeliverDeps {
  readonly channels: readonly Channel[];
}

/** One kind for each format. Those whose channels are gone from the settings are there, too: the rows of objects may name them. */
export function channelConsumers(deps: ChannelDeps): readonly Consumer[] {
  return FORMATS.map((format) => consumerOf(format, deps));
}

function consumerOf(format: Format, deps: ChannelDeps): Consumer {
  return {
    kind: format,
    objects: ['secret', 'certificate'],
    // Delivered is adopted.
    lagMs: { pushed: 0, follows: 0 },
    async refresh(reference, version, _operation, call) {
      const channel = channelOf(deps, format, reference, version);
      const { object } = version;
      const id = deliveryId(object.vault, object.kind, object.name, version.version, channel.name);
      const status = await deliver(deps, channel, versionSaid(version, call.now()), id, call);
      return { is: 'delivered', detail: `it was told under the id ${id}, and answered ${status}` };
    },
    confirm(reference, version) {
      channelOf(deps, format, reference, version);
      return Promise.resolve({ is: 'pending', detail: `it is not told of version ${version.version} yet` });
    },
  };
}

/** Finds the channels for every object that they take, after everybody else: no gateway is to wait behind one that hangs. */
export function withChannels(discovery: Discovery, channels: readonly Channel[]): Discovery {
  const told = channels.filter(({ events }) => events.includes('versions'));
  return {
    enabled: discovery.enabled || told.length > 0,
    waitsFor: (object) =>
      discovery.waitsFor(object) || told.some((one) => !one.advisory && subscribes(one, 'versions', object)),
    async find(object, call, only) {
      const found = told.filter((one) => subscribes(one, 'versions', object)).map((one) => referenceTo(one, object));
      const { references, gaps } = await foundBy(discovery, object, call, only);
      return { references: [...references, ...found], gaps };
    },
  };
}

/** Where all that could not be looked through is one gap. */
const EVERYWHERE = 'the subscriptions of KEYTURN_SUBSCRIPTIONS';

/** A look that is refused as a whole must not keep channels from being told: it is a gap, and holds a retirement up as such. */
async function foundBy(
  discovery: Discovery,
  object: ObjectRef,
  call: Call,
  only: readonly Gap[] | undefined,
): Promise<Discovered> {
  if (!discovery.enabled) return { references: [], gaps: [] };
  const everywhere = only?.some(({ where }) => where === EVERYWHERE) === true;
  try {
    return await (everywhere ? discovery.find(object, call) : discovery.find(object, call, only));
  } catch (error) {
    if (!(error instanceof RotationError) || error.recovery === 'retry' || call.signal.aborted) throw error;
    const { message, remedy } = error;
    return { references: [], gaps: [{ where: EVERYWHERE, message, ...(remedy === undefined ? {} : { remedy }) }] };
  }
}

function referenceTo({ name, format, advisory }: Channel, { vault, kind, name: object }: ObjectRef): Reference {
  const id = idOf(name);
  // Deliveries of several objects do not get in one another's way.
  return { kind: format, id, parent: `${id}#${vault}/${kind}s/${object}`, hosts: [], advisory };
}

function idOf(name: string): string {
  return `channels/${name}`;
}

/** @throws TARGET_NOT_FOUND when the settings do not send the object there any more */
function channelOf({ channels }: ChannelDeps, format: Format, { id }: Reference, { object }: VersionRef): Channel {
  const found = channels.find((one) => one.format === format && idOf(one.name) === id);
  if (found === undefined || !subscribes(found, 'versions', object)) throw channelGone(id);
  return found;
}
