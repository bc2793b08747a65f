import { decide, type Decision, type DueInput } from '../policy.ts';

/**
 * Is a key or a certificate due, as far as its dates and tags tell? Pure. The vault's own policy may give versions less time than the
 * lead time; then every new version would be due at once, and rotation would never rest: so a version has half of its own life first.
 * An open run is no reason against it: old versions stay enabled.
 */
export function decideVaultMade(input: Omit<DueInput, 'run'>): Decision {
  const { createdOn, expiresOn } = input.current;
  const life = expiresOn === undefined ? Number.POSITIVE_INFINITY : expiresOn.getTime() - createdOn.getTime();
  const leadTimeMs = input.policy.leadTimeMs < life ? input.policy.leadTimeMs : Math.max(0, life / 2);
  return decide({ ...input, policy: { ...input.policy, leadTimeMs } });
}
