import { constants, randomUUID, sign, type KeyObject } from 'node:crypto';
import type { Proof } from '../entra/log-in.ts';
import type { Holding } from './holding.ts';

/** A holding with its key, which can sign. */
export interface Signer extends Holding {
  readonly key: KeyObject;
}

const MINUTE_S = 60;
/** Graph's directory, under the name of its predecessor: learn.microsoft.com/graph/application-rollkey-prooftoken. */
const DIRECTORY = '00000002-0000-0000-c000-000000000000';
const BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export function canSign(holding: Holding | undefined): holding is Signer {
  return holding?.key?.asymmetricKeyType === 'rsa';
}

/**
 * The log-in with a certificate: an assertion of the application about itself, signed PS256 and good for five minutes;
 * learn.microsoft.com/entra/identity-platform/certificate-credentials.
 */
export function withAssertion(signer: Signer, appId: string, now: Date): Proof {
  return (tokenEndpoint) => {
    const at = seconds(now);
    const sha256 = Buffer.from(signer.certificate.fingerprint256.replaceAll(':', ''), 'hex');
    const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': sha256.toString('base64url') };
    const times = { iat: at, nbf: at, exp: at + 5 * MINUTE_S };
    const claims = { aud: tokenEndpoint.href, iss: appId, sub: appId, jti: randomUUID(), ...times };
    return { client_assertion_type: BEARER, client_assertion: jwt(header, claims, signer.key) };
  };
}

/**
 * Proof for addKey and removeKey that a certificate of the application is held: learn.microsoft.com/graph/application-rollkey-prooftoken,
 * with the header that its sample has. The pages disagree on the issuer where one application changes another ("the
 * application that is making the call", "on which the call is made"): the latter is taken [U]; a managed identity is no
 * application and has no certificate to sign with.
 */
export function proofOfPossession(signer: Signer, objectId: string, now: Date): string {
  const at = seconds(now);
  const x5t = Buffer.from(signer.thumbprint, 'hex').toString('base64url');
  const header = { alg: 'RS256', kid: signer.thumbprint, x5t, typ: 'JWT' };
  return jwt(header, { aud: DIRECTORY, iss: objectId, nbf: at, exp: at + 10 * MINUTE_S }, signer.key);
}

function jwt(header: Readonly<Record<string, string>>, claims: object, key: KeyObject): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  const padding = header['alg'] === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const how = { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return `${signed}.${sign('sha256', Buffer.from(signed), how).toString('base64url')}`;
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
