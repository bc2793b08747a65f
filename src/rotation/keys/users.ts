import { RotationError } from '../errors.ts';
import type { KeyAddress, KeyUse, KeyUser, ObjectRef } from '../ports.ts';
import type { Ask } from '../vault-made/look.ts';

/** Where a user of the key stands. */
export type Standing =
  | { readonly is: 'there'; readonly detail: string; readonly moved?: true }
  /** It looks for the newest version by itself, and its service does not tell which one it has found. */
  | { readonly is: 'untold'; readonly detail: string }
  /** `soon`: in a minute; otherwise its service looks for new versions in its own time. */
  | { readonly is: 'waiting'; readonly detail: string; readonly soon: boolean };

export interface Bringing {
  readonly ask: Ask;
  readonly users: readonly KeyUser[];
  readonly key: ObjectRef;
  readonly version: string;
  /** Called before the resource is changed: makes sure that the key is still ours to work on. */
  readonly beforeMove: () => Promise<void>;
}

/**
 * Sees to it that one user is on the version: moves it on where it pins another one, and reads back what it uses. May be repeated.
 * @throws what the user throws; CONFIG_INVALID where it is none, or uses another key, which is then left alone; NOT_ADOPTED where
 *   its service says that it could not follow
 */
export async function bring({ ask, users, key, version, beforeMove }: Bringing, id: string): Promise<Standing> {
  const user = userOf(users, id);
  const use = await ask(`reading ${id}`, (call) => user.read(id, call));
  refuseForeign(id, use, key);
  if (use.version === version) return { is: 'there', detail: `${id} uses version ${version}` };
  if (use.busy === true) return { is: 'waiting', soon: true, detail: `${id} is being changed just now` };
  if (use.follows === 'versionless') return standingOf(id, use);
  await beforeMove();
  const to = { vault: key.vault, name: key.name, version };
  const result = await ask(`moving ${id} on`, (call) => user.moveOn(id, to, call));
  if (result === 'pending') return { is: 'waiting', soon: true, detail: `${id} is taking version ${version}` };
  const now = await ask(`reading ${id} again`, (call) => user.read(id, call));
  if (now.version !== version) {
    return { is: 'waiting', soon: true, detail: `${id} was told version ${version}, and still shows ${named(now)}` };
  }
  return { is: 'there', moved: true, detail: `${id}: ${named(use)} → ${version}` };
}

/** @throws CONFIG_INVALID */
export function userOf(users: readonly KeyUser[], id: string): KeyUser {
  const user = users.find((one) => one.claims(id));
  if (user !== undefined) return user;
  throw new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${id} is no resource that can be moved on to a new version of a key`,
    remedy: `A tag KeyUser names one of: ${users.map(({ kind }) => kind).join(', ')}. Correct the tag, or take it away and move the resource on by hand.`,
  });
}

/** @throws CONFIG_INVALID: moving it on would give the resource a key that nobody chose for it */
export function refuseForeign(id: string, { key }: KeyUse, ours: ObjectRef): void {
  if (key !== undefined && isSame(key, ours)) return;
  const uses = key === undefined ? 'no key of a vault' : `the key ${key.vault}/keys/${key.name}`;
  throw new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${id} uses ${uses}, not ${ours.vault}/keys/${ours.name}, and is left alone`,
    remedy: 'Correct the tag KeyUser of the key, or let the resource use the key first.',
  });
}

function isSame(a: KeyAddress, b: KeyAddress): boolean {
  return a.vault.toLowerCase() === b.vault.toLowerCase() && a.name.toLowerCase() === b.name.toLowerCase();
}

function standingOf(id: string, use: KeyUse): Standing {
  if (use.problem !== undefined) {
    throw new RotationError({
      code: 'NOT_ADOPTED',
      recovery: 'human',
      message: `${id} looks for new versions by itself, and could not take this one: ${use.problem}`,
      remedy: `Mend what it says (its identity needs get, wrap and unwrap on the key), then POST /api/rotations for the key. az resource show --ids "${id}"`,
    });
  }
  if (use.version === undefined) {
    return { is: 'untold', detail: `${id} follows by itself; its service does not tell the version` };
  }
  return { is: 'waiting', soon: false, detail: `${id} still uses ${named(use)}, and follows by itself` };
}

function named({ version }: KeyUse): string {
  return version === undefined ? 'no version' : `version ${version}`;
}
