/** Certificates of the vault that an authority outside of it signs; here that of the sandbox, which the app trusts as a company's own. */
import { CertificateClient, type CertificatePolicy } from '@azure/keyvault-certificates';
import { DefaultAzureCredential } from '@azure/identity';
import type { Sandbox } from '../sandbox.ts';

/** How long the authority's certificates live: one that ends sooner was made so much earlier. */
const LIFE_MS = 90 * 86_400_000;
/** A new one is valid from a little before it is made: clocks differ. */
const BACK_MS = 10 * 60_000;

/** What has the app renew a certificate. */
export const RENEWED = { Rotator: 'vault-certificate' };

/** The subject's first. */
export type Names = readonly [string, ...string[]];

export function certificateClient({ vault }: Pick<Sandbox, 'vault'>): CertificateClient {
  return new CertificateClient(vault.url('kv'), new DefaultAzureCredential());
}

/**
 * Begins a version whose issuer is Unknown, has its request signed, and merges the answer: what a person does by hand.
 * @param expiresInMs when it ends; a new one, of 90 days, when absent
 */
export async function makeSigned(
  sandbox: Pick<Sandbox, 'ctx' | 'vault'>,
  name: string,
  [first, ...others]: Names,
  expiresInMs = LIFE_MS,
): Promise<void> {
  const client = certificateClient(sandbox);
  const policy: CertificatePolicy = {
    issuerName: 'Unknown',
    subject: `CN=${first}`,
    subjectAlternativeNames: { dnsNames: [first, ...others] },
    keyType: 'RSA',
    keySize: 2048,
    exportable: true,
    contentType: 'application/x-pkcs12',
  };
  await client.beginCreateCertificate(name, policy, { tags: RENEWED });
  const pending = await client.getCertificateOperation(name);
  const { csr } = pending.getOperationState().certificateOperation ?? {};
  if (csr === undefined) throw new Error(`the vault has no request for ${name}`);
  await client.mergeCertificate(name, await sign(sandbox, csr, [first, ...others], expiresInMs));
}

/** The chain for a request, leaf first, in DER. */
export async function sign(
  { ctx }: Pick<Sandbox, 'ctx'>,
  csr: Uint8Array,
  names: readonly string[],
  expiresInMs: number,
): Promise<Uint8Array[]> {
  const until = new Date(ctx.clock.now().getTime() + expiresInMs);
  const from = new Date(until.getTime() - LIFE_MS - BACK_MS);
  const leaf = await ctx.pki.sign(Buffer.from(csr), names, from, until);
  return [leaf, Buffer.from(ctx.pki.caPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')];
}
