/**
 * Entra-shaped access tokens: RS256 JWTs with the claims that services look at (aud, iss, exp, nbf, oid, appid, tid).
 * Azurite's `--oauth basic` looks at iat/nbf/exp, the issuer's prefix (`https://sts.windows.net/`) and the audience
 * (`https://storage.azure.com` and its like); it does not verify the signature. The other services here do.
 */
import { createSign, createVerify, generateKeyPair, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export interface TokenClaims {
  readonly aud: string;
  readonly iss: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly oid: string;
  readonly appid: string;
  readonly tid: string;
  readonly uti: string;
}

export type TokenFault = 'missing' | 'malformed' | 'signature' | 'issuer' | 'audience' | 'expired' | 'revoked';

export type TokenCheck =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly fault: TokenFault; readonly found?: string };

export interface Principal {
  readonly tenantId: string;
  readonly clientId: string;
  readonly objectId: string;
}

export class TokenMint {
  readonly #principal: Principal;
  readonly #now: () => Date;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #revoked = new Set<string>();

  private constructor(principal: Principal, now: () => Date, keys: { privateKey: KeyObject; publicKey: KeyObject }) {
    this.#principal = principal;
    this.#now = now;
    this.#privateKey = keys.privateKey;
    this.#publicKey = keys.publicKey;
  }

  static async create(principal: Principal, now: () => Date): Promise<TokenMint> {
    return new TokenMint(principal, now, await promisify(generateKeyPair)('rsa', { modulusLength: 2048 }));
  }

  get issuer(): string {
    return `https://sts.windows.net/${this.#principal.tenantId}/`;
  }

  issue(audience: string, lifetimeMs: number): { readonly token: string; readonly claims: TokenClaims } {
    const now = Math.floor(this.#now().getTime() / 1000);
    const claims: TokenClaims = {
      aud: audience,
      iss: this.issuer,
      iat: now - 300, // five minutes back, as Entra dates them against clock skew
      nbf: now - 300,
      exp: now + Math.floor(lifetimeMs / 1000),
      oid: this.#principal.objectId,
      appid: this.#principal.clientId,
      tid: this.#principal.tenantId,
      uti: randomUUID(),
    };
    const head = encode({ typ: 'JWT', alg: 'RS256', kid: 'sandbox' });
    const signed = `${head}.${encode(claims)}`;
    const signature = createSign('RSA-SHA256').update(signed).sign(this.#privateKey, 'base64url');
    return { token: `${signed}.${signature}`, claims };
  }

  revoke(token: string): void {
    this.#revoked.add(token);
  }

  verify(token: string | undefined, audiences: readonly string[]): TokenCheck {
    if (token === undefined || token === '') return { ok: false, fault: 'missing' };
    const claims = decode(token);
    if (claims === undefined) return { ok: false, fault: 'malformed' };
    const cut = token.lastIndexOf('.');
    const verifier = createVerify('RSA-SHA256').update(token.slice(0, cut));
    if (claims.iss !== this.issuer) return { ok: false, fault: 'issuer', found: claims.iss };
    if (!verifier.verify(this.#publicKey, token.slice(cut + 1), 'base64url')) return { ok: false, fault: 'signature' };
    if (!audiences.map(bare).includes(bare(claims.aud))) return { ok: false, fault: 'audience', found: claims.aud };
    if (claims.exp * 1000 <= this.#now().getTime()) return { ok: false, fault: 'expired' };
    if (this.#revoked.has(token)) return { ok: false, fault: 'revoked' };
    return { ok: true, claims };
  }
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decode(token: string): TokenClaims | undefined {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (payload === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as TokenClaims;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Entra treats `https://vault.azure.net` and `https://vault.azure.net/` as one audience, and so do the services. */
function bare(audience: string): string {
  return audience.replace(/\/+$/, '').toLowerCase();
}
