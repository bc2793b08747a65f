import { credentialIdOf } from './plan.ts';
import type { CurrentVersion, Managed, VersionInfo } from './ports.ts';
import type { Run } from './record.ts';

/**
 * Of a version that Keyturn did not write, or wrote in a run that is not the last one, nothing says how long it has been
 * out. While it is younger than the overlap, readers may still hold the version before, and that one may live in the idle
 * slot. Where one account keeps two values, that is so of a version that Keyturn wrote and somebody has taken back: the next
 * `set` would end it. The versions are asked for only where it matters.
 * @returns why the idle slot must not be touched yet
 */
export async function stillHandedOut(input: {
  readonly now: Date;
  readonly run: Run | undefined;
  readonly managed: Managed;
  readonly current: CurrentVersion;
  readonly versions: () => Promise<readonly VersionInfo[]>;
}): Promise<string | undefined> {
  const { now, run, managed, current } = input;
  const { overlap, retains } = managed.rotator.capabilities;
  if (overlap !== 'two-slots' && retains !== true) return undefined;
  const until = current.createdOn.getTime() + managed.policy.overlapMs;
  if (run?.to?.version === current.version || until <= now.getTime()) return undefined;
  const before = (await input.versions()).find((v) => v.version !== current.version && v.enabled);
  const holder = before === undefined ? undefined : credentialIdOf(before.tags)?.toLowerCase();
  const takenBack = retains === true && before?.version === run?.to?.version;
  if (before === undefined || (holder === managed.target.current.toLowerCase() && !takenBack)) return undefined;
  return `version ${before.version} was replaced less than the overlap ago; its readers may use it until ${new Date(until).toISOString()}`;
}
