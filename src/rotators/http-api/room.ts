import { RotationError } from '../../rotation/errors.ts';
import type { Pending } from '../../rotation/ports.ts';
import type { HttpApi } from './config.ts';
import { timeIn } from './label.ts';
import type { Listed } from './listing.ts';
import { lineOf } from './requests.ts';

/** Clocks differ: a key that looks a little older than the rotation may still be its own. */
const SKEW_MS = 5 * 60_000;

/** No more keys fit: names the one that nobody needs for the longest time. Undefined while there is room. Pure. */
export function fullBlocker(api: HttpApi, keys: readonly Listed[], current: string): RotationError | undefined {
  const most = api.description.limits?.keys;
  if (most === undefined || keys.length < most) return undefined;
  const others = keys.filter(({ credentialId }) => credentialId !== current);
  const oldest = others.toSorted((a, b) => ageOf(a) - ageOf(b))[0];
  const which =
    oldest === undefined ? '' : `; the oldest that is not in this secret is ${oldest.credentialId}${since(oldest)}`;
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'human',
    message: `${api.name} may have ${most} keys and has ${keys.length}${which}`,
    remedy:
      oldest === undefined
        ? `Remove a key that nobody needs; see ${api.description.documentation}`
        : `If nobody needs it, remove it with the administrator's credential: curl -X ${lineOf(api, api.description.revoke, { id: oldest.credentialId })}`,
  });
}

/** Keys that Keyturn made come first: of them it is known that a rotation has replaced them, or will. */
function ageOf({ rotationId, created }: Listed): number {
  const made = created ?? (rotationId === undefined ? undefined : timeIn(rotationId));
  return made === undefined ? Number.MAX_SAFE_INTEGER : made.getTime();
}

function since(key: Listed): string {
  const age = ageOf(key);
  return age === Number.MAX_SAFE_INTEGER ? '' : ` of ${new Date(age).toISOString()}`;
}

/**
 * Where keys carry no name: a key that was made since this rotation began may be one of its own whose answer was lost. No
 * second one is made beside it. Undefined when there is none. Pure.
 */
export function strayKey(
  api: HttpApi,
  keys: readonly Listed[],
  { rotationId, current }: Pending,
): RotationError | undefined {
  const began = timeIn(rotationId)?.getTime() ?? 0;
  const stray = keys.find(
    ({ credentialId, created }) =>
      credentialId !== current.credentialId && (created === undefined || created.getTime() >= began - SKEW_MS),
  );
  if (stray === undefined) return fullBlocker(api, keys, current.credentialId);
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    message: `the key ${stray.credentialId} at ${api.name} was made${stray.created === undefined ? ', nobody says when' : ` at ${stray.created.toISOString()}`}, while rotation ${rotationId} was under way, and may be its own; keys carry no name there that would tell`,
    remedy: `If nobody uses it, remove it with the administrator's credential, then POST /api/rotations for the secret: curl -X ${lineOf(api, api.description.revoke, { id: stray.credentialId })}`,
  });
}
