import type { ArmClient } from '../../azure/arm/client.ts';
import type {
  Call,
  Clock,
  Confirmation,
  Reference,
  Refreshed,
  ServedCertificate,
  VersionRef,
} from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { sameId } from '../arm-id.ts';
import { refersTo } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { servableBy } from '../proof/servable.ts';
import type { ControlPlane } from '../proof/verdict.ts';
import { KIND, TYPE } from './access.ts';
import * as profile from './profile.ts';
import { nextStep, underWay, type Holdings } from './push.ts';
import { pinnedIsLeft, referenceIsGone } from './refusals.ts';

const HOUR_MS = 3_600_000;

export interface FrontDoorDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Whether a secret that names a version is replaced by one that follows. */
  readonly rewritePinned: boolean;
  /** `follow`: Front Door takes the version in its own time. `push`: a new secret is made, and given to every domain. */
  readonly frontDoor: 'follow' | 'push';
  /** Where its hosts serve; 443 when absent. */
  readonly port?: number;
}

/**
 * Front Door Standard and Premium. A secret that follows has a new version within 72 hours, and nothing makes it look earlier; so that
 * pushing is making another secret, which reads the vault when it is made.
 */
export function frontDoor(deps: FrontDoorDeps): ConsumerAdapter {
  const { arm } = deps;

  async function readHoldings(profileId: string, call: Call): Promise<Holdings> {
    const secrets = await profile.readSecrets(arm, profileId, call);
    return { secrets, domains: await profile.readDomains(arm, profileId, call) };
  }

  function prove(
    hosts: readonly string[],
    served: ServedCertificate,
    call: Call,
    more: { before?: readonly string[]; controlPlane?: ControlPlane } = {},
  ) {
    const port = deps.port === undefined ? {} : { port: deps.port };
    return proveServed(hosts, served, { ...call, clock: deps.clock, ...port, ...more });
  }

  /** @returns undefined where the version is to be pushed */
  function unpushed(reference: Reference, version: VersionRef, { secrets }: Holdings): Refreshed | undefined {
    const old = secrets.find(({ id }) => sameId(id, reference.id));
    // Its place was taken by the secret of this version: the push goes on.
    if (old === undefined) return undefined;
    if (old.version === version.version) return { is: 'pushed' };
    if (old.follows) return deps.frontDoor === 'push' ? undefined : { is: 'follows' };
    return deps.rewritePinned ? undefined : pinnedIsLeft(reference, old.version ?? 'of its own');
  }

  return {
    kind: KIND,
    objects: ['certificate'],
    types: [TYPE.toLowerCase()],
    inGraph: false,
    // How long all points of presence take is not documented [U].
    lagMs: { pushed: 4 * HOUR_MS, follows: 72 * HOUR_MS },

    async find({ id: profileId }: FoundResource, object, call) {
      const secrets = await profile.readSecrets(arm, profileId, call);
      const ours = secrets.filter(({ address }) => refersTo(address, object));
      if (ours.length === 0) return [];
      const domains = await profile.readDomains(arm, profileId, call);
      // A secret that no domain uses serves nobody.
      return ours.flatMap(({ id, follows, version }): readonly Reference[] => {
        const hosts = profile.usersOf(domains, id).map(({ host }) => host);
        if (hosts.length === 0) return [];
        const base = { kind: KIND, id, parent: profileId, hosts };
        return [follows || version === undefined ? base : { ...base, pinned: version }];
      });
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const served = servableBy(reference, version, { rsaOnly: true });
      const isServed = async (hosts: readonly string[]): Promise<boolean> =>
        (await prove(hosts, served, call)).is === 'adopted';
      const push = { arm, reference, version, served, call, isServed };
      const running = await underWay(push, operation);
      if (running !== undefined) return running;
      const holdings = await readHoldings(reference.parent, call);
      if (usersIn(holdings, reference, version).length === 0) throw referenceIsGone(reference, version);
      return unpushed(reference, version, holdings) ?? nextStep(push, holdings, operation);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const served = servableBy(reference, version, { rsaOnly: true });
      const holdings = await readHoldings(reference.parent, call);
      const users = usersIn(holdings, reference, version);
      if (users.length === 0) throw referenceIsGone(reference, version);
      const late = users.find(({ deployment }) => /^(?:InProgress|NotStarted)$/i.test(deployment));
      const shown = users.flatMap(
        (user) => holdings.secrets.find(({ id }) => sameId(id, user.secretId))?.thumbprint ?? [],
      );
      const others = [...new Set(shown.filter((thumbprint) => thumbprint !== served.sha1))];
      const controlPlane = wordOf(reference, shown, others, shown.length === users.length);
      const hosts = users.map(({ host }) => host);
      const seen = await prove(hosts, served, call, {
        before: others,
        ...(controlPlane === undefined ? {} : { controlPlane }),
      });
      if (seen.is !== 'adopted') return seen;
      if (late !== undefined) return { is: 'pending', detail: `${late.host} is being deployed` };
      if (others.length === 0) return seen;
      return {
        is: 'pending',
        detail: `${seen.detail}; but ${controlPlane?.detail ?? ''}: something else may stand in front of it`,
      };
    },
  };
}

/** The domains of the secret that was found, and of the one that takes its place. */
function usersIn({ domains }: Holdings, { id }: Reference, { version }: VersionRef): readonly profile.Domain[] {
  const ids = new Set([id, profile.secretIdFor(id, version)]);
  return [...ids].flatMap((one) => profile.usersOf(domains, one));
}

/** What the profile says of the secrets of its domains; undefined where it does not say it of all. */
function wordOf(
  { parent }: Reference,
  shown: readonly string[],
  others: readonly string[],
  isWhole: boolean,
): ControlPlane | undefined {
  const [other] = others;
  if (other !== undefined) return { shows: 'another', detail: `${parent} shows the certificate ${other}` };
  const [same] = shown;
  return same === undefined || !isWhole
    ? undefined
    : { shows: 'this', detail: `${parent} shows the certificate ${same}` };
}
