import { configInvalid, RotationError } from '../../rotation/errors.ts';
import type { Reference, ServedCertificate, VersionRef } from '../../rotation/ports.ts';
import { covers } from './names.ts';

/** What not every service takes. */
export interface Limits {
  /** PKCS#12 is what it reads; PEM it does not. */
  readonly pfxOnly?: true;
  readonly rsaOnly?: true;
}

/**
 * The certificate of the version, if its consumer could serve it. Asked before anything is changed: a gateway that is given a
 * certificate without a key, or without one of its names, turns its clients away.
 * @throws CONFIG_INVALID with every problem
 */
export function servableBy(
  { id, hosts }: Reference,
  { object, certificate }: VersionRef,
  { pfxOnly, rsaOnly }: Limits = {},
): ServedCertificate {
  if (certificate === undefined) {
    throw new RotationError({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message: `${id} needs a certificate, and ${object.name} is a plain secret`,
      remedy: `Import it as a certificate: az keyvault certificate import --vault-name <vault> --name ${object.name} --file <pfx>`,
    });
  }
  const { exportable, names, contentType, keyType } = certificate;
  const bare = hosts.filter((host) => !names.some((name) => covers(name, host)));
  const problems = [
    ...(exportable ? [] : [{ path: 'policy.key_props.exportable', message: 'the private key cannot be had' }]),
    ...(pfxOnly && contentType !== 'application/x-pkcs12'
      ? [
          {
            path: 'policy.secret_props.contentType',
            message: `is ${contentType}, and it reads application/x-pkcs12 only`,
          },
        ]
      : []),
    ...(rsaOnly && keyType !== 'RSA'
      ? [{ path: 'policy.key_props.kty', message: `is ${keyType}, and it takes RSA only` }]
      : []),
    ...(bare.length === 0
      ? []
      : [{ path: 'policy.x509_props.sans', message: `${bare.join(', ')} is not among its names` }]),
  ];
  if (problems.length > 0) {
    const remedy = `Make a version that fits: az keyvault certificate create --vault-name <vault> --name ${object.name} --policy <a policy that mends it>`;
    throw configInvalid(`${id} cannot serve the newest version of ${object.name}`, problems, remedy);
  }
  return certificate;
}
