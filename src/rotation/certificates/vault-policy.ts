import type { Decision } from '../policy.ts';
import type { CertificateOperation, CertificatePolicy, CurrentCertificate } from '../ports.ts';

/** So late the vault's own renewal is taken for one that does not come. */
const LATE_MS = 24 * 3600_000;
const DAY_MS = 24 * 3600_000;

type Dates = Pick<CurrentCertificate, 'createdOn' | 'notBefore' | 'expiresOn'>;

/** An issuer that is no party to the vault: a person has the request signed. */
export function isSignedByPerson({ issuer }: Pick<CertificatePolicy, 'issuer'>): boolean {
  return issuer.toLowerCase() === 'unknown';
}

/** When the vault makes the next version by itself; undefined where it makes none. Pure. */
export function vaultRenewsAt(policy: CertificatePolicy, { createdOn, notBefore, expiresOn }: Dates): Date | undefined {
  const { renews } = policy;
  if (renews === undefined || expiresOn === undefined || isSignedByPerson(policy)) return undefined;
  if ('daysBeforeExpiry' in renews) return new Date(expiresOn.getTime() - renews.daysBeforeExpiry * DAY_MS);
  const from = (notBefore ?? createdOn).getTime();
  return new Date(from + ((expiresOn.getTime() - from) * renews.atPercentage) / 100);
}

/**
 * Why the vault will not renew the certificate in time by itself, as a sentence; undefined where it will. Pure.
 * @param operation the vault's last one: a failed one is younger than the newest version
 */
export function whyNotRenewed(
  policy: CertificatePolicy,
  operation: CertificateOperation | undefined,
  current: Dates,
  now: Date,
): string | undefined {
  if (isSignedByPerson(policy)) return 'its issuer is Unknown: a person has to have its request signed';
  const at = vaultRenewsAt(policy, current);
  if (at === undefined) return 'its policy has no lifetime action AutoRenew';
  if (operation?.status === 'failed')
    return `the vault's last attempt failed: ${operation.detail ?? 'no reason is given'}`;
  if (current.expiresOn !== undefined && at >= current.expiresOn) {
    return `its policy renews it at ${at.toISOString()}, when it has expired`;
  }
  return at.getTime() + LATE_MS <= now.getTime() ? `its policy was to renew it at ${at.toISOString()}` : undefined;
}

/** The decision not to renew what the vault will; undefined where it is for us to do. Pure. */
export function leftToVault(
  policy: CertificatePolicy,
  operation: CertificateOperation | undefined,
  current: Dates,
  now: Date,
): Decision | undefined {
  if (whyNotRenewed(policy, operation, current, now) !== undefined) return undefined;
  const at = vaultRenewsAt(policy, current) ?? now;
  return {
    due: false,
    reason: 'VaultRotates',
    detail: `its policy makes the vault renew it at ${at.toISOString()}`,
    retryAt: new Date(at.getTime() + LATE_MS),
  };
}
