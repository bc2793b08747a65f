import type { RestAnswer } from '../../azure/rest.ts';
import { parseJson, retryAfterMs } from '../../azure/rest-errors.ts';
import { RotationError, type Effect, type RotationErrorInit } from '../../rotation/errors.ts';
import type { Refreshed } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import { objectIn, textIn } from '../json.ts';
import { KEY_VALUES } from './access.ts';
import type { Place } from './store.ts';

/* What a store answers when it does not do what it is asked for, and why a setting is not changed; each with what to do. */

/** What a request to a store was about. */
export interface StoreFacts {
  readonly storeId: string;
  /** `host` or `host:port`. */
  readonly host: string;
  readonly verb: 'read' | 'write';
}

/**
 * An answer that is no success. Only the title of its `problem+json` goes into the error, which repeats no value. A refusal (4xx) leaves the
 * store as it was; after a 408 or 5xx of a write nobody knows.
 */
export function storeRefusal({ status, text, header }: RestAnswer, asked: StoreFacts, now: Date): RotationError {
  const body = objectIn(parseJson(text));
  const type = textIn(body, 'type')?.split('/').at(-1) ?? '';
  const title = textIn(body, 'title')?.split('\n')[0]?.slice(0, 300);
  const what = `${KEY_VALUES[asked.verb].action} on ${asked.storeId} was answered ${status}`;
  const ms = Number(header('retry-after-ms') ?? Number.NaN);
  const wait = ms >= 0 ? ms : retryAfterMs(header('retry-after'), now);
  return new RotationError({
    message: [what, ...(type === '' ? [] : [` ${type}`]), ...(title === undefined ? [] : [`: ${title}`])].join(''),
    ...classify(status, type, asked),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function classify(status: number, type: string, asked: StoreFacts): Omit<RotationErrorInit, 'message'> {
  const lost: Effect = asked.verb === 'write' ? 'unknown' : 'none';
  switch (status) {
    case 401: {
      const remedy = `The token was refused: check that the app's tenant is the store's (az account show), and that ${asked.host} is of the right cloud (KEYTURN_SERVICE_SUFFIXES {"app-configuration":"…"}).`;
      return { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy };
    }
    case 403:
      return isOfNetwork(type)
        ? closed(asked)
        : { code: 'ACCESS_DENIED', recovery: 'reconfigure', remedy: grant(asked) };
    case 404:
      // Whether the store is gone is for ARM to say: somebody else may answer under its name.
      return { code: 'UNAVAILABLE', recovery: 'retry', remedy: show(asked.storeId) };
    case 409:
      if (type !== 'key-locked') return { code: 'CONFLICT', recovery: 'retry' };
      return { code: 'CONFLICT', recovery: 'reconfigure', remedy: `Unlock it: ${kv('unlock', asked.storeId)}` };
    case 412:
      return { code: 'CONFLICT', recovery: 'retry' };
    case 408:
    case 504:
      return { code: 'TIMED_OUT', recovery: 'retry', effect: lost };
    case 429:
      return { code: 'THROTTLED', recovery: 'retry' };
    default:
      if (status >= 500) return { code: 'UNAVAILABLE', recovery: 'retry', effect: lost };
      return { code: 'CONFIG_INVALID', recovery: 'reconfigure', remedy: show(asked.storeId) };
  }
}

/** docs: azure-app-configuration/network-access-errors.md. */
function isOfNetwork(type: string): boolean {
  return type === 'ip-address-rejected' || type === 'nsp-rejected';
}

/** It is there, and lets nobody in from where the app is: asking again would not help. */
function closed({ storeId }: StoreFacts): Omit<RotationErrorInit, 'message'> {
  const remedy = `Let the app's network in: give the app's virtual network a private endpoint of the store, with the DNS zone privatelink.azconfig.io, or a rule of the store's network security perimeter; see ${show(storeId)} --query publicNetworkAccess`;
  return { code: 'UNAVAILABLE', recovery: 'reconfigure', remedy };
}

export function isClosed(error: unknown): error is RotationError {
  return error instanceof RotationError && error.code === 'UNAVAILABLE' && error.recovery === 'reconfigure';
}

/** The store could not be asked at all; it may be there. */
export function unanswered({ message }: RotationError, { host, storeId }: StoreFacts): RotationError {
  const remedy = `Look whether the app can resolve and reach it: nslookup ${host.replace(/:\d+$/, '')}; ${show(storeId)}`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, remedy });
}

export function endless({ storeId }: StoreFacts): RotationError {
  const message = `the list of key-values of ${storeId} has no end`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
}

export function pinnedIsLeft(id: string, storeId: string, place: Place, pinned: string): Refreshed {
  const remedy = `Let it follow the newest version: ${kv('set-keyvault', storeId, place)} --secret-identifier <secret id without version>; or allow the app to name the new one: KEYTURN_CONSUMERS {"rewritePinned":true}`;
  return { is: 'reported', detail: `${id} names version ${pinned}`, remedy };
}

export function lockedIsLeft(id: string, storeId: string, place: Place, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `${id} names version ${pinned}, and is locked`,
    remedy: `Unlock it, and push again: ${kv('unlock', storeId, place)}`,
  };
}

/** The setting that is to be the sentinel is something that an app needs as it is. */
export function sentinelIsTaken(storeId: string, { key }: Place, contentType: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the setting ${key} of ${storeId} is to be the sentinel, and holds ${contentType}`,
    remedy: 'Name another key as the sentinel: KEYTURN_CONSUMERS {"sentinel":"…"}',
  });
}

export function sentinelIsLocked(storeId: string, place: Place): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'reconfigure',
    message: `the sentinel ${place.key} of ${storeId} is locked`,
    remedy: `Unlock it: ${kv('unlock', storeId, place)}`,
  });
}

/** What nobody but the apps can know. */
export const NO_SENTINEL =
  'Let the apps read it anew (restart them), and name a setting that they watch, which is changed with each version: KEYTURN_CONSUMERS {"sentinel":"…"}';

function kv(verb: string, storeId: string, place?: Place): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const label = place?.label === undefined ? '' : ` --label ${quoted(place.label)}`;
  const key = place === undefined ? '<key>' : quoted(place.key);
  return `az appconfig kv ${verb} --auth-mode login -n ${nameIn(storeId)} --key ${key}${label}`;
}

function show(storeId: string): string {
  return `az appconfig show -g ${storeId.split('/')[4] ?? '<group>'} -n ${nameIn(storeId)}`;
}

function grant({ storeId, verb }: StoreFacts): string {
  const { role } = KEY_VALUES[verb];
  return (
    `az role assignment create --assignee-object-id "<object id of the app's managed identity>" ` +
    `--assignee-principal-type ServicePrincipal --role "${role}" --scope "${storeId}" (it takes up to 15 minutes)`
  );
}
