import { configInvalid } from '../rotation/errors.ts';

/** `/subscriptions/<guid>/resourceGroups/<group>/providers/<namespace>/<type>/<name>[/<type>/<name>…]`, in any case. */
const ARM_ID = /^\/subscriptions\/[0-9a-f-]{36}\/resourceGroups\/[^/]+\/providers\/[^/]+(?:\/[^/]+\/[^/]+)+$/i;

/**
 * The path in ARM of a resource that was found, percent-encoded: ids come from answers and from rows that were kept.
 * @throws CONFIG_INVALID when it is no such id
 */
export function armPath(id: string): string {
  if (!ARM_ID.test(id) || id.split('/').some((part) => part === '..' || part === '.')) {
    throw configInvalid('a consumer', [{ path: 'id', message: `'${id.slice(0, 300)}' is no ARM id of a resource` }]);
  }
  return id.split('/').map(encodeURIComponent).join('/');
}

/** The last part of an ARM id: the resource's own name. */
export function nameIn(id: string): string {
  return id.split('/').at(-1) ?? '';
}

export function sameId(one: string | undefined, other: string): boolean {
  return one?.toLowerCase() === other.toLowerCase();
}
