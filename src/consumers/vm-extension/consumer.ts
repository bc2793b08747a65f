import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import type { Json } from '../json.ts';
import { refersTo, referenceIsGone } from '../object-address.ts';
import { servableBy } from '../proof/servable.ts';
import { actionsOf, KIND } from './access.ts';
import * as extension from './extension.ts';
import type { Extension, Observed } from './extension.ts';
import { about, machinesOf, ownerOf, PLACES, SETS } from './machines.ts';
import * as refuse from './refusals.ts';

const HOUR_MS = 3_600_000;

export interface VmExtensionDeps {
  readonly arm: ArmClient;
  /** Whether an entry that names a version is changed to follow the newest one. */
  readonly rewritePinned: boolean;
}

interface Holding {
  readonly held: Extension;
  /** The entries that the reference is about. */
  readonly own: readonly Observed[];
}

/**
 * Certificates that the Key Vault extension installs on virtual machines, scale sets and Arc machines. It polls by itself; another
 * `forceUpdateTag` makes it start anew, which is a look at once. What it has installed it shows nobody.
 */
export function vmExtension(deps: VmExtensionDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when it does not observe the object any more */
  async function holdingOf(reference: Reference, version: VersionRef, call: Call): Promise<Holding> {
    const held = await extension.readExtension(arm, extensionIdOf(reference), call);
    const ours = held?.observed.filter(({ address }) => refersTo(address, version.object)) ?? [];
    // One that named a version follows once it was rewritten.
    const own = ours.filter(({ address }) => address.version === undefined || address.version === reference.pinned);
    if (held === undefined || own.length === 0) throw referenceIsGone(reference, version);
    return { held, own };
  }

  /**
   * That a changed `forceUpdateTag` makes it look is what users report, not always (azure-cli #20953) [U]; that a PATCH leaves alone what
   * it does not name is ARM's rule, and nothing else is sent unless it changes.
   */
  async function startAnew(held: Extension, more: Json, version: VersionRef, call: Call): Promise<Refreshed> {
    const forceUpdateTag = extension.tagFor(held, version.version, call.now());
    try {
      const outcome = await arm.start({ ...writing(held.id), body: { properties: { ...more, forceUpdateTag } } }, call);
      return 'operation' in outcome ? { is: 'running', operation: outcome.operation } : { is: 'pushed' };
    } catch (error) {
      if (refuse.saysOff(error)) return refuse.machineIsOff(held);
      throw error;
    }
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: PLACES.map(({ listed }) => listed),
    // Queries by `properties.settings` of extensions are common; most extensions have nothing to do with a vault.
    inGraph: 'mentioned',
    // It polls every hour unless its settings say otherwise; samples go up to twelve hours.
    lagMs: { pushed: HOUR_MS, follows: 24 * HOUR_MS },

    async find({ id }: FoundResource, object, call) {
      const found = new Map<string, Reference>();
      for (const held of await extension.readExtensions(arm, id, call)) {
        const parent = machinesOf(id) === SETS ? ownerOf(held.id) : held.id;
        for (const { address } of held.observed.filter((one) => refersTo(one.address, object))) {
          const base = { kind: KIND, parent, hosts: [] };
          const own = `${held.id}#secrets/${address.name}`;
          const { version } = address;
          if (version === undefined) found.set(own, { ...base, id: own });
          else found.set(`${own}/${version}`, { ...base, id: `${own}/${version}`, pinned: version });
        }
      }
      return [...found.values()];
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      servableBy(reference, version);
      const id = extensionIdOf(reference);
      if (operation !== undefined) {
        const state = await arm.stateOf(operation, writing(id), call);
        if (state.is === 'running') return { is: 'running', operation };
        if (state.is === 'succeeded') return { is: 'pushed' };
        if (state.is === 'failed') throw refuse.operationFailed({ id }, state);
        // Canceled, or not known any more: the extension itself says what is to be done now.
      }
      const { held, own } = await holdingOf(reference, version, call);
      const keyless = own.find(({ url }) => /\/certificates\//i.test(url));
      if (keyless !== undefined) return refuse.hasNoKey(held, keyless.url);
      const elsewhere = own.filter((one) => isElsewhere(one, version));
      const [first] = elsewhere;
      if (first !== undefined && !deps.rewritePinned) return refuse.pinnedIsLeft(held, first.address.version ?? '');
      // Only the model would be changed, and every instance would count as behind it.
      if (held.isByHand && first === undefined) return { is: 'follows' };
      const more = first === undefined ? {} : { settings: extension.following(held.settings, elsewhere) };
      return startAnew(held, more, version, call);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      servableBy(reference, version);
      const { held, own } = await holdingOf(reference, version, call);
      const late = lateBy(held, own, version);
      if (late !== undefined) return { is: 'pending', detail: late };
      const isOfSet = machinesOf(held.id) === SETS;
      const started = `${held.id} has started since it was told of version ${version.version}`;
      if (held.waitsForAll && !isOfSet) {
        const detail = `${started}, and says that it has all its certificates; whether a server has loaded them is not seen from here`;
        return { is: 'adopted', proof: 'control-plane', detail };
      }
      const detail = isOfSet ? `${held.id} says nothing of its instances` : `${started}; it does not say what it has`;
      return { is: 'unreachable', detail, remedy: refuse.lookInside(held, reference) };
    },
  };
}

/** Why it cannot have the version yet, as far as it shows. */
function lateBy(held: Extension, own: readonly Observed[], version: VersionRef): string | undefined {
  const other = own.find((one) => isElsewhere(one, version));
  if (other !== undefined) return `${held.id} observes version ${other.address.version ?? ''}`;
  if (held.isByHand) return undefined;
  if (!extension.isMarked(held, version.version))
    return `${held.id} has not been told of version ${version.version}; it looks when its polling says so`;
  const { provisioning, status } = held;
  const code = status?.code ?? '';
  if (/^(?:Succeeded|)$/i.test(provisioning) && (status === undefined || /succeeded$/i.test(code))) return undefined;
  return `${held.id} is ${provisioning}${status === undefined ? '' : `, ${code}: ${status.message}`}`;
}

function isElsewhere({ address }: Observed, { version }: VersionRef): boolean {
  return address.version !== undefined && address.version !== version.toLowerCase();
}

function extensionIdOf({ id }: Reference): string {
  return id.split('#')[0] ?? '';
}

function writing(extensionId: string): ArmRequest {
  const action = actionsOf(machinesOf(extensionId)).write;
  return { ...about(extensionId), method: 'PATCH', action, mutates: true };
}
