import { randomUUID } from 'node:crypto';
import { APP_SERVICES } from './services/app/services.ts';
import { API_MANAGEMENT_SERVICES } from './services/api-management/services.ts';
import { DATA_SERVICES } from './services/data.ts';
import { CDN_SERVICES } from './services/cdn/services.ts';
import { COMPUTE_SERVICES } from './services/compute/services.ts';
import { CONTAINER_SERVICES } from './services/containers/services.ts';
import { KEY_USER_SERVICES } from './services/key-users.ts';
import { NETWORK_SERVICES } from './services/network/services.ts';
import { PLATFORM_SERVICES } from './services/platform.ts';
import { SHOWN_SERVICES } from './services/shown.ts';
import { SPECIAL_SERVICES } from './services/special.ts';
import { WEB_SERVICES } from './services/web/services.ts';
import type { Key, Operation, Resource, Service } from './service.ts';

export type { Resource } from './service.ts';

export const SERVICES: readonly Service[] = [
  ...DATA_SERVICES,
  ...PLATFORM_SERVICES,
  ...SPECIAL_SERVICES,
  ...KEY_USER_SERVICES,
  ...WEB_SERVICES,
  ...NETWORK_SERVICES,
  ...CDN_SERVICES,
  ...APP_SERVICES,
  ...API_MANAGEMENT_SERVICES,
  ...COMPUTE_SERVICES,
  ...CONTAINER_SERVICES,
  ...SHOWN_SERVICES,
];

export interface Found {
  readonly service: Service;
  /** The path of the resource that is asked for, whether or not there is one. */
  readonly scope: string;
  /** For the sentence in an error. */
  readonly type: string;
  readonly name: string;
  readonly operation: Operation;
  readonly match: RegExpExecArray;
}

/** The resources with keys, other than storage accounts. ARM rotates their keys; the data planes check against them. */
export class Resources {
  readonly #resources = new Map<string, Resource>();
  readonly #now: () => Date;
  readonly #onKey: (value: string) => void;

  constructor(now: () => Date, onKey: (value: string) => void) {
    this.#now = now;
    this.#onKey = onKey;
  }

  /** @param group `/subscriptions/…/resourceGroups/…` @throws when the sandbox has no such service, or the resource exists */
  create(group: string, address: string, names: Readonly<Record<string, string>>): Resource {
    const service = SERVICES.find((one) => one.address === address);
    if (service === undefined) throw new Error(`the sandbox's ARM has no ${address}`);
    const places = [...address.matchAll(/\{(\w+)\}/g)].map(([, place = '']) => place);
    const own = Object.fromEntries(places.map((place) => [place, names[place] ?? place]));
    const id = `${group}/providers/${address.replaceAll(/\{(\w+)\}/g, (_, place: string) => own[place] ?? place)}`;
    if (this.find(id) !== undefined) throw new Error(`${id} exists`);
    const resourceGroup = group.split('/').at(-1) ?? '';
    const resource: Resource = {
      service,
      id,
      resourceGroup,
      names: own,
      keys: new Map(),
      etag: randomUUID(),
      serverKeys: new Map(),
    };
    for (const slot of service.slots) this.renew(resource, slot);
    this.#resources.set(id.toLowerCase(), resource);
    return resource;
  }

  find(id: string): Resource | undefined {
    return this.#resources.get(id.toLowerCase());
  }

  all(): readonly Resource[] {
    return [...this.#resources.values()];
  }

  /** Those of a type that have this name: what a host name tells. */
  named(type: string, name: string): readonly Resource[] {
    return [...this.#resources.values()].filter(
      ({ service, names }) =>
        service.address.toLowerCase().startsWith(`${type.toLowerCase()}/`) &&
        names['name']?.toLowerCase() === name.toLowerCase(),
    );
  }

  /** Deletes it; the returned function brings it back with the keys it had. */
  remove(id: string): () => void {
    const resource = this.find(id);
    this.#resources.delete(id.toLowerCase());
    return () => {
      if (resource !== undefined) this.#resources.set(id.toLowerCase(), resource);
    };
  }

  renew(resource: Resource, slot: string, value = resource.service.mint()): Key {
    this.#onKey(value);
    const key = { value, id: randomUUID().slice(0, 8), madeAt: this.#now() };
    resource.keys.set(slot, key);
    return key;
  }
}

/** What a path below `/subscriptions/…/resourceGroups/…` asks for; undefined when no service has such a call. */
export function findOperation(group: string, tail: readonly string[], method: string): Found | undefined {
  for (const service of SERVICES) {
    const places = service.address.split('/');
    const own = tail.slice(0, places.length);
    const fits = places.every((place, n) => place.startsWith('{') || place.toLowerCase() === own[n]?.toLowerCase());
    if (!fits || own.length < places.length) continue;
    const rest = tail.slice(places.length);
    const path = rest.length === 0 ? '' : `/${rest.join('/')}`;
    for (const operation of service.operations) {
      const match = operation.method === method ? operation.path.exec(path) : null;
      if (match === null) continue;
      const type = places.filter((place) => !place.startsWith('{')).join('/');
      const name = places.flatMap((place, n) => (place.startsWith('{') ? [own[n] ?? ''] : [])).join('/');
      return { service, scope: `${group}/providers/${own.join('/')}`, type, name, operation, match };
    }
  }
  return undefined;
}
