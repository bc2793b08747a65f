import type { ArmClient } from '../../azure/arm/client.ts';
import type { RestAnswer, RestClient, RestRequest } from '../../azure/rest.ts';
import { parseJson } from '../../azure/rest-errors.ts';
import { configInvalid, RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath, nameIn } from '../arm-id.ts';
import { listIn, objectIn, textIn, without, type Json } from '../json.ts';
import { READ_STORE } from './access.ts';
import { endless, storeRefusal, unanswered, type StoreFacts } from './refusals.ts';

/* The data plane of App Configuration stores: Azure/AppConfiguration docs/REST. */

const API_VERSION = '2023-11-01';
const ARM_API_VERSION = '2023-03-01';
/** So the service is asked for what has no label. */
const NO_LABEL = '\0';
/** A hundred settings a page: a store that goes on after that has no end. */
const MOST_PAGES = 1000;

/** One key-value. */
export interface Setting {
  readonly key: string;
  /** Absent: it has none. */
  readonly label?: string;
  readonly value: string;
  readonly contentType: string;
  readonly isLocked: boolean;
  readonly etag?: string;
  /** As it came: what is not understood is sent back as well. */
  readonly body: Json;
}

export type Place = Pick<Setting, 'key' | 'label'>;

export interface StoreDeps {
  /** Asked only whether a store that does not answer is there at all. */
  readonly arm: ArmClient;
  /**
   * Its token is for App Configuration. This is the bare pipeline and not the official SDK: three requests are needed, the SDK repeats
   * by itself what only the engine may repeat, and it logs whole settings, whose values may be secrets.
   */
  readonly rest: RestClient;
  /** What follows a store's name in its host: `azconfig.io`, with a port where it has one. */
  readonly suffix: string;
}

export interface Stores {
  /** Every key-value, with its values, which go nowhere. Read-only. @throws TARGET_NOT_FOUND when the store is gone; ACCESS_DENIED, … */
  list(storeId: string, call: Call): Promise<readonly Setting[]>;
  /** Read-only; undefined where there is none. @throws as `list` does */
  read(storeId: string, place: Place, call: Call): Promise<Setting | undefined>;
  /**
   * Changes the value, if nobody has changed the setting since it was read, and nothing else of it. @param before undefined: it is made
   * @throws CONFLICT when somebody has, or when the setting is locked; else as `list` does
   */
  write(storeId: string, place: Place, before: Setting | undefined, value: string, call: Call): Promise<void>;
}

/**
 * The scope of tokens for the stores of a cloud (docs: rest-api-authentication-azure-ad.md): `azconfig.io` has
 * `https://appconfig.azure.com`, and `azconfig.azure.us`, `azconfig.azure.cn` and `azconfig.sovcloud-api.fr` have `appconfig.` in its place.
 */
export function scopeOf(suffix: string): string {
  const host = suffix.toLowerCase().replace(/:\d+$/, '');
  const cloud = host === 'azconfig.io' ? 'azure.com' : host.replace(/^azconfig\./, '');
  return `https://appconfig.${cloud}/.default`;
}

export function createStores({ arm, rest, suffix }: StoreDeps): Stores {
  const facts = (storeId: string, verb: StoreFacts['verb']): StoreFacts => ({
    storeId,
    verb,
    host: hostOf(storeId, suffix),
  });

  async function send(
    asked: StoreFacts,
    path: string,
    query: Readonly<Record<string, string>>,
    more: Pick<RestRequest, 'method' | 'json' | 'ifMatch' | 'ifNoneMatch'>,
    call: Call,
  ): Promise<RestAnswer> {
    const { host, storeId, verb } = asked;
    const url = new URL(`https://${host}${path}`);
    for (const [name, value] of Object.entries({ 'api-version': API_VERSION, ...query }))
      url.searchParams.set(name, value);
    const what = `${verb} of key-values of ${storeId}`;
    try {
      return await rest.send({ ...more, url, host, what, mutates: verb === 'write' }, call);
    } catch (error) {
      // The name of a store that is gone does not resolve.
      if (!(error instanceof RotationError) || error.code !== 'UNAVAILABLE') throw error;
      throw await orGone(asked, unanswered(error, asked), call);
    }
  }

  /** What ARM says of a store that does not answer as one: that it is not there, or the error. */
  async function orGone({ storeId }: StoreFacts, error: RotationError, call: Call): Promise<RotationError> {
    const request = { method: 'GET', path: armPath(storeId), query: { 'api-version': ARM_API_VERSION } } as const;
    const about = { ...READ_STORE, scope: storeId, mutates: false, found: true } as const;
    try {
      await arm.start({ ...request, ...about }, call);
    } catch (gone) {
      if (!(gone instanceof RotationError)) throw gone;
      if (gone.code === 'TARGET_NOT_FOUND') return gone;
    }
    return error;
  }

  async function taken(asked: StoreFacts, answer: RestAnswer, call: Call): Promise<Json> {
    if (answer.status >= 200 && answer.status <= 299) return objectIn(parseJson(answer.text));
    const refusal = storeRefusal(answer, asked, call.now());
    throw answer.status === 404 ? await orGone(asked, refusal, call) : refusal;
  }

  return {
    async list(storeId, call) {
      const asked = facts(storeId, 'read');
      const found: Setting[] = [];
      const first = { label: '*', $select: 'key,label,value,content_type,locked' };
      let query: Readonly<Record<string, string>> | undefined = first;
      for (let page = 0; query !== undefined; page += 1) {
        if (page === MOST_PAGES) throw endless(asked);
        const body = await taken(asked, await send(asked, '/kv', query, { method: 'GET' }, call), call);
        found.push(...listIn(body, 'items').flatMap((item) => settingIn(item) ?? []));
        query = queryOf(textIn(body, '@nextLink'), asked.host);
      }
      return found;
    },

    async read(storeId, place, call) {
      const asked = facts(storeId, 'read');
      const answer = await send(asked, ...pathOf(place), { method: 'GET' }, call);
      return answer.status === 404 ? undefined : settingIn(await taken(asked, answer, call));
    },

    async write(storeId, place, before, value, call) {
      const asked = facts(storeId, 'write');
      const kept = without(before?.body ?? {}, 'etag', 'key', 'label', 'locked', 'last_modified');
      const condition = before?.etag === undefined ? { ifNoneMatch: '*' } : { ifMatch: `"${before.etag}"` };
      const json = { ...kept, value };
      const answer = await send(asked, ...pathOf(place), { method: 'PUT', json, ...condition }, call);
      await taken(asked, answer, call);
    },
  };
}

/**
 * The store's host is made of its name and our own suffix, and not of the endpoint that ARM or an answer tells: so no token goes to a host
 * outside of the cloud. @throws CONFIG_INVALID when the name is none that a store could have
 */
function hostOf(storeId: string, suffix: string): string {
  const name = nameIn(storeId);
  if (/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(name)) return `${name.toLowerCase()}.${suffix}`;
  throw configInvalid('a consumer', [{ path: 'id', message: `'${name.slice(0, 60)}' is no name of a store` }]);
}

function pathOf({ key, label }: Place): [path: string, query: Readonly<Record<string, string>>] {
  return [`/kv/${encodeURIComponent(key)}`, { label: label ?? NO_LABEL }];
}

/** Of the link only the query is taken: the next page is asked of the same host. */
function queryOf(link: string | undefined, host: string): Readonly<Record<string, string>> | undefined {
  if (link === undefined || !URL.canParse(link, `https://${host}`)) return undefined;
  return Object.fromEntries(new URL(link, `https://${host}`).searchParams);
}

/** Values and keys are taken as they are, with their spaces. Undefined for what is none that could be asked for again. */
function settingIn(body: Json): Setting | undefined {
  const { key, label, value, content_type: type, locked, etag } = body;
  if (typeof key !== 'string' || key === '' || !key.isWellFormed()) return undefined;
  if (typeof label === 'string' && !label.isWellFormed()) return undefined;
  return {
    key,
    ...(typeof label === 'string' && label !== '' ? { label } : {}),
    value: typeof value === 'string' ? value : '',
    contentType: typeof type === 'string' ? type : '',
    // The documentation shows it as a text, the service's own description as a boolean.
    isLocked: locked === true || locked === 'true',
    ...(typeof etag === 'string' ? { etag } : {}),
    body,
  };
}
