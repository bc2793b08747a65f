import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { listAll } from '../arm-lists.ts';
import { referenceIsGone, refersTo } from '../object-address.ts';
import { entityActions, TYPE } from './access.ts';
import { CLOCKS_MS, entitiesIn, entityIn, following, heldBy, type Entity, type Held } from './entity.ts';
import { changedBack, operationFailed, pinnedIsLeft, refusedForVault, troubleOf } from './refusals.ts';
import { about, kept, read, readKept, type UnderWay } from './service.ts';

/** Named values, or certificates: what is alike in both. */
export interface EntityKind {
  readonly kind: string;
  /** Below the service, as ARM spells it. */
  readonly collection: 'certificates' | 'namedValues';
  /** How one is changed: with PATCH what is not sent stays; a certificate has nothing else, and knows PUT only. */
  readonly change: 'PATCH' | 'PUT';
  /** @throws CONFIG_INVALID when it could not use the version */
  readonly check: (reference: Reference, version: VersionRef) => void;
}

export interface EntityDeps {
  readonly arm: ArmClient;
  /** Whether one that names a version is made to follow the newest one. */
  readonly rewritePinned: boolean;
}

const FOUR_HOURS_MS = 4 * 3_600_000;
/** So long it may take to look once it was told to; after that it is left to do so in its own time. */
const PATIENCE_MS = 10 * 60_000;

/*
 *   follows ──────────────────────────── refreshSecret ──▶ asked ──it shows that it has looked──▶ pushed
 *   names a version ──without it──▶ waiting ──┘              └─ it does not, or not in time ──▶ follows
 *
 * What is asked for may be an operation: its URL is kept. Where it is not kept, asking once more is harmless.
 */
export function entityConsumer(spec: EntityKind, { arm, rewritePinned }: EntityDeps): ConsumerAdapter {
  const actions = entityActions(spec.collection);

  /** @throws TARGET_NOT_FOUND when it is not of this object any more */
  async function readEntity(reference: Reference, version: VersionRef, call: Call): Promise<Entity> {
    const entity = entityIn(await read(arm, reference.id, actions.read, call));
    if (entity === undefined || !refersTo(entity.address, version.object)) throw referenceIsGone(reference, version);
    return entity;
  }

  /** The body of an answer that comes at once is not looked at: what the entity itself says decides. */
  async function send(
    request: ArmRequest,
    told: 'asked' | 'waiting',
    { since }: UnderWay,
    serviceId: string,
    call: Call,
  ) {
    try {
      const outcome = await arm.start(request, call);
      const url = 'operation' in outcome ? { url: outcome.operation } : {};
      return { is: 'running', operation: kept(told, { since, ...url }) } as const;
    } catch (error) {
      throw error instanceof RotationError ? refusedForVault(error, serviceId) : error;
    }
  }

  /** An update must name the ETag it was read with, or any; nothing but the reference is sent. */
  function rewriting({ id }: Reference, entity: Entity): ArmRequest {
    const body = { properties: { keyVault: following(entity) } };
    const change = { method: spec.change, action: actions.write, mutates: true, ifMatch: '*' } as const;
    return { ...about(id), ...change, body };
  }

  function refreshing({ id }: Reference): ArmRequest {
    return { ...about(id, '/refreshSecret'), method: 'POST', action: actions.refresh, mutates: true };
  }

  /** Has what was asked for ended? @throws when it failed */
  async function isRunning(reference: Reference, { url }: Partial<UnderWay>, call: Call): Promise<boolean> {
    if (url === undefined) return false;
    const state = await arm.stateOf(url, refreshing(reference), call);
    if (state.is === 'failed' || state.is === 'canceled') throw operationFailed(reference.id, reference.parent, state);
    return state.is === 'running';
  }

  /** The first step that is not done: without its version, then a look into the vault. */
  function tell(reference: Reference, entity: Entity, version: VersionRef, waits: UnderWay, call: Call) {
    const waitedMs = call.now().getTime() - waits.since.getTime();
    if (isStale(entity, version)) {
      if (!rewritePinned) return pinnedIsLeft(reference, entity.address.version ?? '');
      if (waitedMs > PATIENCE_MS) throw changedBack(reference);
      return send(rewriting(reference, entity), 'waiting', waits, reference.parent, call);
    }
    // A look at the moment that the version was made would not prove anything afterwards.
    const isTooSoon = call.now().getTime() < (version.createdOn?.getTime() ?? 0) + CLOCKS_MS;
    if (isTooSoon && waitedMs < PATIENCE_MS) return { is: 'running', operation: kept('waiting', waits) } as const;
    return send(refreshing(reference), 'asked', { since: call.now() }, reference.parent, call);
  }

  return {
    kind: spec.kind,
    // A certificate's secret has the certificate's name and versions.
    objects: ['secret', 'certificate'],
    types: [TYPE.toLowerCase()],
    inGraph: false,
    // If it should not look when it is told to, it does so by itself, every four hours.
    lagMs: { pushed: FOUR_HOURS_MS, follows: FOUR_HOURS_MS },

    async find({ id }: FoundResource, object, call) {
      const list = {
        ...about(id, `/${spec.collection}`),
        method: 'GET',
        action: actions.read,
        mutates: false,
      } as const;
      return entitiesIn(await listAll(arm, list, call), object).map(({ name, address: { version } }): Reference => {
        const base = { kind: spec.kind, id: `${id}/${spec.collection}/${name}`, parent: id, hosts: [] };
        return version === undefined ? base : { ...base, pinned: version };
      });
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      spec.check(reference, version);
      const known = readKept(operation);
      const waits: UnderWay = known ?? { since: call.now() };
      const waitedMs = call.now().getTime() - waits.since.getTime();
      const goesOn = { is: 'running', operation: operation ?? '' } as const;
      const running = await isRunning(reference, waits, call);
      if (running && waitedMs < PATIENCE_MS) return goesOn;
      const entity = await readEntity(reference, version, call);
      if (heldBy(entity, version) !== undefined) return { is: 'pushed' };
      if (known?.isAsked !== true) return tell(reference, entity, version, waits, call);
      if (isStale(entity, version)) throw changedBack(reference);
      const trouble = troubleOf(reference, entity, version);
      // What it said before it was told stands there for a while.
      const isNew = (entity.at?.getTime() ?? 0) >= waits.since.getTime() - CLOCKS_MS;
      if (trouble !== undefined && (isNew || waitedMs >= PATIENCE_MS)) throw trouble;
      return waitedMs < PATIENCE_MS ? goesOn : { is: 'follows' };
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      spec.check(reference, version);
      const entity = await readEntity(reference, version, call);
      const held = heldBy(entity, version);
      if (held === undefined) return { is: 'pending', detail: shownBy(reference, entity, version) };
      const { proof, words } = PROOFS[held];
      return { is: 'adopted', proof, detail: `${shownBy(reference, entity, version)}: ${words}` };
    },
  };
}

const PROOFS: Readonly<Record<Held, { readonly proof: 'control-plane' | 'resolved-version'; readonly words: string }>> =
  {
    thumbprint: { proof: 'resolved-version', words: 'that is the version' },
    version: { proof: 'resolved-version', words: 'that is the version' },
    time: { proof: 'control-plane', words: 'since the version was made; which one it has is not shown' },
  };

function isStale({ address }: Entity, { version }: VersionRef): boolean {
  return address.version !== undefined && address.version !== version;
}

/** What it says of itself. Never a value: that of a named value is not even asked for. */
function shownBy({ id }: Reference, { address, code, at, thumbprint }: Entity, { certificate }: VersionRef): string {
  const named = address.version === undefined ? '' : ` names version ${address.version} and`;
  const has = certificate === undefined || thumbprint === undefined ? '' : ` has the thumbprint ${thumbprint} and`;
  const looked = at === undefined ? 'has never read the vault' : `has read the vault at ${at.toISOString()}`;
  return `${id}${named}${has} ${looked}${/^(?:Success|)$/i.test(code) ? '' : `, with ${code}`}`;
}
