import { configInvalid, RotationError } from './errors.ts';
import type { Observed } from './machine.ts';
import type { Run } from './record.ts';
import type { CurrentVersion, Issued, Managed, NewVersion, ObjectRef, SecretValue, Slot } from './ports.ts';
import { tagName, tagOf } from './tag.ts';
import { parseValue, type ParsedValue } from './value/value.ts';

/** The tag by which a version says which rotation wrote it. */
export const ROTATION_ID_TAG = 'RotationId';

/** Everything that a rotation of this version will use, worked out without a remote call. */
export interface Plan {
  readonly managed: Managed;
  readonly current: CurrentVersion;
  /** The credential that readers hold now. */
  readonly issued: Issued;
  /** The slot to be set: the other of two, the only one, or empty where the system makes one more. */
  readonly idle: Slot;
  readonly parsed: ParsedValue;
}

/**
 * Works out slots and value format. Pure.
 * @throws CONFIG_INVALID when the value is not of its format, or the account in it is not the one the tags name
 */
export function plan(object: ObjectRef, managed: Managed, current: CurrentVersion): Plan {
  const { target, policy } = managed;
  const idle = idleSlot(object, managed);
  const parsed = parseValue(current.value, policy.format);
  // A slot's canonical spelling may differ from the account's own, which is what readers log in with.
  const credentialId = credentialIdOf(current.tags)?.trim() ?? target.current;
  const named = target.namesUsers === true && parsed.user !== undefined ? { user: parsed.user } : {};
  if (isAccount(managed) && parsed.user !== undefined && accountOf(parsed.user, credentialId) === undefined) {
    throw configInvalid(
      `secret ${object.name}`,
      [
        {
          path: 'tags.CredentialId',
          message: `says ${credentialId}, but the value holds the account ${parsed.user}`,
        },
      ],
      `Set the tag to the account in the value: az keyvault secret set-attributes --id ${object.vault}/secrets/${object.name} --tags CredentialId=<account> … (give all tags again)`,
    );
  }
  return {
    managed,
    current,
    idle,
    parsed,
    issued: { credentialId, slot: target.current, value: parsed.secret, ...named },
  };
}

function idleSlot(object: ObjectRef, { rotator, target }: Managed): Slot {
  switch (rotator.capabilities.overlap) {
    case 'none':
      return target.current;
    case 'many':
      return '';
    case 'two-slots': {
      const idle = target.slots.find((slot) => slot !== target.current);
      if (idle !== undefined) return idle;
      throw configInvalid(`secret ${object.name}`, [
        { path: 'tags.AlternateCredentialId', message: `names no second slot beside ${target.current}` },
      ]);
    }
  }
}

/**
 * The version to write: value, expiry, content type and the whole tag map in one. Pure.
 * Tags keep their spelling; only the credential's id, its alternate where there is one, and RotationId change.
 */
export function nextVersion(p: Plan, issued: Issued, rotationId: string, now: Date): NewVersion {
  const { policy } = p.managed;
  const tags: Record<string, string> = { ...p.current.tags };
  if (issued.credentialId !== '') setTag(tags, 'CredentialId', issued.credentialId);
  const swaps = p.managed.rotator.capabilities.overlap === 'two-slots';
  if (swaps && tagName(tags, 'AlternateCredentialId') !== undefined) {
    setTag(tags, 'AlternateCredentialId', p.issued.credentialId);
  }
  setTag(tags, ROTATION_ID_TAG, rotationId);
  return {
    value: newValue(p, issued),
    expiresOn: expiryOf(p, issued, new Date(now.getTime() + policy.validityMs)),
    tags,
    ...(p.current.contentType === undefined ? {} : { contentType: p.current.contentType }),
  };
}

/** A version never outlives its credential. */
function expiryOf({ managed: { target }, current }: Plan, { notAfter }: Issued, byValidity: Date): Date {
  if (notAfter === undefined) return byValidity;
  const leftToIt = target.endsWithCredential === true && tagName(current.tags, 'ValidityPeriodDays') === undefined;
  return leftToIt || notAfter < byValidity ? notAfter : byValidity;
}

function newValue(p: Plan, issued: Issued): SecretValue {
  const { parsed } = p;
  if (issued.user !== undefined && parsed.user !== undefined) {
    return parsed.replace({ user: issued.user, secret: issued.value });
  }
  if (parsed.user === undefined || !isAccount(p.managed)) return parsed.replace({ secret: issued.value });
  const suffix = accountOf(parsed.user, p.issued.credentialId) ?? '';
  return parsed.replace({ user: `${issued.credentialId}${suffix}`, secret: issued.value });
}

/**
 * Is the user in the value the credential's id? Not where each rotation makes a credential of its own, nor where the system
 * gives its users names.
 */
function isAccount({ rotator, target }: Managed): boolean {
  return rotator.capabilities.overlap !== 'many' && target.namesUsers !== true;
}

/** `app` is the account of `app` and of `app@server` (Azure's older form); returns what follows the name. */
function accountOf(user: string, account: string): string | undefined {
  if (user === account) return '';
  return user.startsWith(`${account}@`) ? user.slice(account.length) : undefined;
}

/** What the machine is told of the vault. Pure. */
export function observed(now: Date, current: CurrentVersion, managed: Managed | undefined): Observed {
  return {
    now,
    currentVersion: current.version,
    currentRotationId: rotationIdOf(current.tags),
    currentSlot: managed?.target.current,
  };
}

/** Do the tags name another system, or another kind of rotator, than those that the run began with? */
export function isElsewhere(run: Run, { rotator, target }: Managed): boolean {
  return run.from !== undefined && (run.rotator !== rotator.kind || run.system !== target.id);
}

/** Why a run whose tags were changed under way neither goes on nor ends by itself. */
export function tagsMoved(run: Run, managed: Managed | undefined): string {
  const now =
    managed === undefined ? 'name nothing any more' : `name ${managed.target.id} (${managed.rotator.kind}) now`;
  return `it began in ${run.system ?? 'another system'} (${run.rotator ?? '?'}), which may hold a credential that only this rotation knows of, and the tags ${now}`;
}

export function rotationIdOf(tags: Readonly<Record<string, string>>): string | undefined {
  return tagOf(tags, ROTATION_ID_TAG);
}

export function credentialIdOf(tags: Readonly<Record<string, string>>): string | undefined {
  return tagOf(tags, 'CredentialId');
}

function setTag(tags: Record<string, string>, name: string, value: string): void {
  tags[tagName(tags, name) ?? name] = value;
}

const ONE_SECRET_ONLY = 'Let one secret rotate it: remove the tag ProviderAddress from one of the two.';

/** Seen in a listing: this secret shares its pair with another one. */
export function slotsShared(system: string, object: ObjectRef): RotationError {
  return new RotationError({
    code: 'SLOT_OWNED',
    recovery: 'human',
    message: `${object.vault}/secrets/${object.name} shares its credentials of ${system} with another secret: neither is rotated, nor is an old credential revoked, until one of them is let go`,
    remedy: ONE_SECRET_ONLY,
  });
}

/** Another object's rotations use this slot: going on would destroy its credential. */
export function slotOwned(system: string, owner: ObjectRef): RotationError {
  return new RotationError({
    code: 'SLOT_OWNED',
    recovery: 'human',
    message: `the credentials of ${system} belong to ${owner.vault}/secrets/${owner.name}: two secrets that rotate the same pair would destroy each other's`,
    remedy: `${ONE_SECRET_ONLY} When the tags of ${owner.name} name none of them any more, and no open run of it needs one, they are free by themselves.`,
  });
}

/** The current value is refused: somebody changed the credential without the vault. */
export function drifted(object: ObjectRef, { managed: { target }, idle }: Plan, cause?: RotationError): RotationError {
  return new RotationError({
    code: 'DRIFTED',
    recovery: 'human',
    message: `the current value of ${object.vault}/${object.kind}s/${object.name} (${target.current}) is refused by ${target.id}: somebody changed the credential without the vault`,
    remedy: `Find out who changed it. To repair it by rotating${idle === '' || idle === target.current ? '' : ` to ${idle}`}: POST /api/rotations {"vault":"${object.vault}","name":"${object.name}","force":true}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
