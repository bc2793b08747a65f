import { X509Certificate } from 'node:crypto';
import type {
  CertificatePolicy as SdkPolicy,
  CertificateProperties,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';
import { RotationError } from '../rotation/errors.ts';
import type {
  CertificatePolicy,
  CertificateVersion,
  CurrentCertificate,
  SecretListing,
  ServedCertificate,
} from '../rotation/ports.ts';
import type { VaultAction } from './errors.ts';

/* What the SDK shows of certificates, in the engine's terms. */

/** @throws TARGET_NOT_FOUND while the first version is still being made: there is no certificate in the answer then (facts A7) */
export function currentOf(
  { cer, properties, policy }: KeyVaultCertificateWithPolicy,
  { doing, vault, name = '' }: VaultAction,
): CurrentCertificate {
  if (cer === undefined || cer.length === 0) {
    throw new RotationError({
      code: 'TARGET_NOT_FOUND',
      recovery: 'reconfigure',
      message: `${doing}: it has no version yet: the first one is still being made`,
      remedy: `See what it waits for: az keyvault certificate pending show --vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`,
    });
  }
  const {
    version = '',
    enabled = true,
    createdOn = new Date(0),
    updatedOn = createdOn,
    notBefore,
    expiresOn,
  } = properties;
  return {
    ...{ version, enabled, createdOn, updatedOn, managed: false, tags: properties.tags ?? {} },
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresOn === undefined ? {} : { expiresOn }),
    certificate: servedOf(new X509Certificate(cer), policy),
  };
}

function servedOf(certificate: X509Certificate, policy: SdkPolicy | undefined): ServedCertificate {
  const alternatives = (certificate.subjectAltName ?? '').split(', ');
  return {
    sha256: certificate.fingerprint256.replaceAll(':', ''),
    sha1: certificate.fingerprint.replaceAll(':', ''),
    names: alternatives.filter((one) => one.startsWith('DNS:')).map((one) => one.slice('DNS:'.length).toLowerCase()),
    notAfter: new Date(certificate.validTo),
    keyType: certificate.publicKey.asymmetricKeyType === 'ec' ? 'EC' : 'RSA',
    exportable: policy?.exportable ?? true,
    contentType: policy?.contentType ?? 'application/x-pkcs12',
  };
}

/** One that is still being made has no thumbprint (facts A7), and is none yet. */
export function versionOf(shown: CertificateProperties): CertificateVersion | undefined {
  const { version, enabled, createdOn = new Date(0), updatedOn = createdOn, expiresOn, tags = {} } = shown;
  const thumbprint = shown.x509ThumbprintString;
  if (version === undefined || thumbprint === undefined) return undefined;
  const made = { version, enabled: enabled ?? true, createdOn, updatedOn, tags };
  return { ...made, thumbprint: thumbprint.toUpperCase(), ...(expiresOn ? { expiresOn } : {}) };
}

export function listingOf(vault: string, shown: CertificateProperties): SecretListing {
  const { name = '', enabled, createdOn = new Date(0), updatedOn = createdOn, notBefore, expiresOn, tags } = shown;
  return {
    object: { kind: 'certificate', vault, name: name.toLowerCase() },
    ...{ enabled: enabled ?? true, createdOn, updatedOn, managed: false, tags: tags ?? {} },
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresOn === undefined ? {} : { expiresOn }),
  };
}

export function policyOf({ issuerName, exportable, reuseKey, keyType, lifetimeActions }: SdkPolicy): CertificatePolicy {
  const renewal = lifetimeActions?.find(({ action }) => action === 'AutoRenew');
  const { lifetimePercentage, daysBeforeExpiry } = renewal ?? {};
  return {
    issuer: issuerName ?? 'Unknown',
    exportable: exportable ?? true,
    reuseKey: reuseKey ?? false,
    keyType: keyType?.startsWith('EC') === true ? 'EC' : 'RSA',
    ...(lifetimePercentage === undefined ? {} : { renews: { atPercentage: lifetimePercentage } }),
    ...(daysBeforeExpiry === undefined ? {} : { renews: { daysBeforeExpiry } }),
  };
}
