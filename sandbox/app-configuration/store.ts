/** The key-values of an App Configuration store: Azure/AppConfiguration docs/REST/kv.md and locks.md. */
import { randomBytes } from 'node:crypto';
import type { Resource } from '../arm/resources.ts';

export interface KeyValue {
  readonly key: string;
  /** Null: it has none. */
  readonly label: string | null;
  readonly value: string;
  readonly content_type: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly locked: boolean;
  readonly last_modified: string;
}

export type Given = Pick<KeyValue, 'key'> & Partial<Omit<KeyValue, 'etag' | 'last_modified'>>;

export class Store {
  readonly #settings = new Map<string, KeyValue>();
  /** What readers see that did not write: replicas of one endpoint are behind each other for a moment. */
  #shown: { readonly untilMs: number; readonly settings: ReadonlyMap<string, KeyValue> } | undefined;
  /** How long a write takes until everybody sees it. */
  lagMs = 0;
  /** False: requests that do not come through a private endpoint are refused. */
  isPublic = true;

  /** Made or changed by whoever, without a question. */
  put(given: Given, now: Date): KeyValue {
    if (this.lagMs > 0) this.#shown = { untilMs: now.getTime() + this.lagMs, settings: new Map(this.#settings) };
    const setting: KeyValue = {
      ...{ label: null, value: '', content_type: null, tags: {}, locked: false, ...given },
      etag: randomBytes(16).toString('base64url'),
      last_modified: now.toISOString(),
    };
    this.#settings.set(nameOf(given.key, setting.label), setting);
    return setting;
  }

  remove(key: string, label: string | null = null): void {
    this.#settings.delete(nameOf(key, label));
  }

  /** As it is. */
  find(key: string, label: string | null = null): KeyValue | undefined {
    return this.#settings.get(nameOf(key, label));
  }

  /** As a reader sees it. */
  seen(now: Date): readonly KeyValue[] {
    const behind = this.#shown !== undefined && now.getTime() < this.#shown.untilMs;
    const settings = behind ? (this.#shown?.settings ?? this.#settings) : this.#settings;
    return [...settings.values()].sort((a, b) => (nameOf(a.key, a.label) < nameOf(b.key, b.label) ? -1 : 1));
  }
}

function nameOf(key: string, label: string | null): string {
  return `${key}\0${label ?? ''}`;
}

const STORES = new WeakMap<Resource, Store>();

export function storeOf(resource: Resource): Store {
  const store = STORES.get(resource) ?? new Store();
  STORES.set(resource, store);
  return store;
}
