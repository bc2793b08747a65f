/**
 * How resources use a key of a vault (customer-managed keys). They look the key up where the sandbox's vault is, as Azure's services
 * do with an identity of theirs; without a vault beside it (`attachKeys`) ARM takes every address for good.
 */
import type { HttpProblem } from '../http.ts';
import { armProblem } from './errors.ts';

/** A version of a key, as the vault knows it. */
export interface KeySeen {
  readonly id: string;
  readonly enabled: boolean;
  readonly createdMs: number;
}

export interface KeyDirectory {
  /** The version that the address names, or the current one. */
  lookUp(url: string): KeySeen | undefined;
}

export interface Cmk {
  /** As it was given: with a version, or without. */
  url: string;
  /** It looks for newer versions by itself. */
  follows: boolean;
  /** The version in use. */
  version: string;
}

/** So long after a version was made a service that follows by itself has found it: an hour to a day in Azure. */
export const FOLLOW_MS = 3_600_000;

/** The version that an address means. @throws HttpProblem 400 when the service could not use it */
export function versionOf(url: string, keys: KeyDirectory | undefined): string {
  const named = versionIn(url);
  const seen = keys?.lookUp(url);
  if (keys === undefined && named !== undefined) return named;
  if (seen === undefined) throw unusable('KeyVaultKeyNotFound', `The key '${url}' was not found in the key vault.`);
  if (!seen.enabled) throw unusable('KeyVaultKeyDisabled', `The key '${url}' is not enabled.`);
  return seen.id;
}

/** The resource's own look at the vault: takes a version that has been there for long enough. */
export function follow(cmk: Cmk, keys: KeyDirectory | undefined, now: Date): void {
  if (!cmk.follows) return;
  const seen = keys?.lookUp(withoutVersion(cmk.url));
  if (seen?.enabled === true && now.getTime() >= seen.createdMs + FOLLOW_MS) cmk.version = seen.id;
}

/** The full address of the version in use. */
export function inUse({ url, version }: Cmk): string {
  return `${withoutVersion(url)}/${version}`;
}

export function withoutVersion(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname.split('/').slice(0, 3).join('/')}`;
}

export function versionIn(url: string): string | undefined {
  return new URL(url).pathname.split('/')[3];
}

/** The wording is the sandbox's own; the services' differ, and were not recorded. */
function unusable(code: string, message: string): HttpProblem {
  return armProblem(400, code, message);
}
