/** Wrapping and unwrapping with a version of a key: real RSA, so that what is wrapped with one version unwraps with no other. */
import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { objectBody } from './body.ts';
import { badParameter, keyDisabled } from './errors.ts';

export interface KeyMaterial {
  /** The modulus, base64url. */
  readonly n: string;
  /** Absent where the vault was started without cryptography. */
  readonly pair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

/** Making a pair takes a sixth of a second: it is made when somebody first asks for the version. */
export function lazyMaterial(): () => KeyMaterial {
  let made: KeyMaterial | undefined;
  return () => (made ??= makePair());
}

function makePair(): KeyMaterial {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { n: pair.publicKey.export({ format: 'jwk' }).n ?? '', pair };
}

/** Only to have something to show. */
export function noMaterial(): () => KeyMaterial {
  const shown = { n: randomBytes(256).toString('base64url') };
  return () => shown;
}

const PADDINGS: Readonly<Record<string, { readonly padding: number; readonly oaepHash?: string }>> = {
  'RSA-OAEP': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  'RSA-OAEP-256': { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
};

export const CRYPTO_VERBS = ['encrypt', 'decrypt', 'wrapkey', 'unwrapkey'] as const;
export type CryptoVerb = (typeof CRYPTO_VERBS)[number];

export function isCryptoVerb(verb: string | undefined): verb is CryptoVerb {
  return CRYPTO_VERBS.some((one) => one === verb);
}

export interface Cryptor {
  readonly kid: string;
  readonly enabled: boolean;
  readonly material: () => KeyMaterial;
}

/**
 * A disabled version refuses what needs its private part; the rest anybody could do with the public one, and the vault does it (seen
 * on Azure: azure-sdk-for-python#45342). Dates are not looked at: an expired version unwraps on Azure, too, and whether it wraps is
 * not verified. @throws HttpProblem 400, 403
 */
export function runCrypto(
  verb: CryptoVerb,
  request: SandboxRequest,
  { kid, enabled, material }: Cryptor,
): SandboxResponse {
  const { alg, value } = objectBody(request);
  const how = typeof alg === 'string' ? PADDINGS[alg] : undefined;
  if (how === undefined) throw badParameter(`Property alg has invalid value ${String(alg)}\r\n`);
  if (typeof value !== 'string') throw badParameter('Property value is required\r\n');
  const opens = verb === 'unwrapkey' || verb === 'decrypt';
  if (opens && !enabled) throw keyDisabled(verb === 'decrypt' ? verb : 'unwrapKey');
  const { pair } = material();
  if (pair === undefined) throw new Error('the vault was started without cryptography');
  const given = Buffer.from(value, 'base64url');
  try {
    const key = opens ? pair.privateKey : pair.publicKey;
    const result = opens ? privateDecrypt({ key, ...how }, given) : publicEncrypt({ key, ...how }, given);
    return { status: 200, body: { kid, value: result.toString('base64url') } };
  } catch {
    // The wording is the sandbox's own; nothing of OpenSSL's gets out.
    throw badParameter('The parameter is incorrect.\r\n');
  }
}
