import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call, Clock, Confirmation, ObjectRef, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { armPath, nameIn } from '../arm-id.ts';
import { listAll } from '../arm-lists.ts';
import { objectIn, textIn } from '../json.ts';
import { refersTo, referenceIsGone } from '../object-address.ts';
import { proveServed } from '../proof/handshake.ts';
import { actionOf, ROLE } from './access.ts';
import type { Found, Row } from './row.ts';
import { ROWS } from './rows.ts';

const HOUR_MS = 3_600_000;

export interface ReportedDeps {
  readonly arm: ArmClient;
  readonly clock: Clock;
  /** Where hosts serve TLS; 443, or the service's own, when absent. */
  readonly port?: number;
}

/** Consumers that are found, named and looked at, and that only a person changes: one kind for each row. Needs to read, and nothing else. */
export function reported(deps: ReportedDeps): readonly ConsumerAdapter[] {
  return ROWS.map((row) => reportedKind(row, deps));
}

function reportedKind(row: Row, deps: ReportedDeps): ConsumerAdapter {
  async function foundIn(id: string, object: ObjectRef, call: Call): Promise<readonly Found[]> {
    const all = await readAll(deps.arm, row, id, call);
    return all.filter(({ address }) => refersTo(address, object));
  }

  /** @throws TARGET_NOT_FOUND when it does not refer to the object any more */
  async function ownOf(reference: Reference, version: VersionRef, call: Call): Promise<readonly Found[]> {
    const all = await foundIn(reference.parent, version.object, call);
    const own = all.filter(({ place }) => idOf(reference.parent, place) === reference.id);
    if (own.length > 0) return own;
    throw referenceIsGone(reference, version);
  }

  return {
    kind: row.kind,
    objects: ['certificate'],
    types: [row.type.toLowerCase()],
    inGraph: row.inGraph,
    lagMs: { pushed: HOUR_MS, follows: row.followsHours * HOUR_MS },

    async find({ id }: FoundResource, object, call) {
      const places = new Map<string, Reference>();
      for (const { place, address, host } of await foundIn(id, object, call)) {
        const before = places.get(place)?.hosts ?? [];
        const hosts = [...new Set([...before, ...(host === undefined ? [] : [host])])];
        const base = { kind: row.kind, id: idOf(id, place), parent: id, hosts };
        places.set(place, address?.version === undefined ? base : { ...base, pinned: address.version });
      }
      return [...places.values()];
    },

    async refresh(reference, version, _operation, call): Promise<Refreshed> {
      const own = await ownOf(reference, version, call);
      const { id, parent } = reference;
      const names = versionOf(own, version);
      const detail = `${id} ${names === undefined ? 'names no version' : `names version ${names}`}, and is only reported: ${row.why}`;
      const { vault, name } = version.object;
      const which = `-g ${parent.split('/')[4] ?? '<group>'} -n ${nameIn(parent)}`;
      const place = id.slice(parent.length + 1);
      const secret = `${vault.replace(/\/$/, '')}/secrets/${name}/${version.version}`;
      return { is: 'reported', detail, remedy: row.remedy(which, place, secret) };
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const own = await ownOf(reference, version, call);
      const names = versionOf(own, version);
      if (names !== undefined && names !== version.version) {
        return { is: 'pending', detail: `${reference.id} names version ${names}` };
      }
      const endpoints = own.flatMap(({ host, port }) => {
        const at = deps.port ?? port;
        return host === undefined ? [] : [{ name: host, ...(at === undefined ? {} : { port: at }) }];
      });
      const word = names === undefined ? undefined : `${reference.id} names version ${names}`;
      if (endpoints.length > 0 && version.certificate !== undefined) {
        const controlPlane = word === undefined ? {} : { controlPlane: { shows: 'this' as const, detail: word } };
        return proveServed(endpoints, version.certificate, { ...call, clock: deps.clock, ...controlPlane });
      }
      if (word !== undefined) return { is: 'adopted', proof: 'control-plane', detail: word };
      return {
        is: 'unreachable',
        detail: `${reference.id} names no version, and nothing shows which one it has`,
        remedy: `See it where it is used; to be told apart from here, it must name the version: ${version.version}`,
      };
    },
  };
}

async function readAll(arm: ArmClient, row: Row, id: string, call: Call): Promise<readonly Found[]> {
  const request: ArmRequest = {
    ...{ path: `${armPath(id)}${row.parts?.path ?? ''}`, query: { 'api-version': row.apiVersion }, scope: id },
    ...{ role: ROLE, found: true, method: 'GET', mutates: false },
    action: actionOf(row),
  };
  if (row.parts !== undefined) {
    const parts = await listAll(arm, request, call);
    return parts.flatMap((part) => row.read(objectIn(part, 'properties'), textIn(part, 'name') ?? ''));
  }
  const outcome = await arm.start(request, call);
  return row.read(objectIn('body' in outcome ? outcome.body : undefined, 'properties'), '');
}

/** The version that it names: another than this one, if any does. */
function versionOf(own: readonly Found[], { version }: VersionRef): string | undefined {
  const named = own.flatMap(({ address }) => address?.version ?? []);
  return named.find((one) => one !== version) ?? named[0];
}

function idOf(parent: string, place: string): string {
  return `${parent}#${place}`;
}
