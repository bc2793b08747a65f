/**
 * OpenSSL judges the dates of certificates by the machine's own clock. In a process that lives in the sandbox's time they are judged by that
 * instead, so that a certificate which the vault makes a month from now is valid then, and one that has expired by then is refused.
 */
import { X509Certificate } from 'node:crypto';
import { getCACertificates, TLSSocket } from 'node:tls';

/** What of Node's own object a connection is checked by (lib/internal/tls/wrap.js, `onConnectSecure`). */
interface Checked {
  verifyError(): (Error & { code?: string }) | null | undefined;
  getPeerCertificate(chain: boolean): Link | undefined;
}

interface Link {
  readonly raw?: Buffer;
  /** A root's is itself. */
  readonly issuerCertificate?: Link;
}

const OF_DATES = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

/** From now on, for every client in this process. Goes by `Date.now()`. */
export function judgeDatesByOwnClock(): void {
  const socket = new TLSSocket(undefined as never, {});
  const checked = Object.getPrototypeOf(Reflect.get(socket, '_handle')) as Checked;
  socket.destroy();
  const real: Checked['verifyError'] = Reflect.get(checked, 'verifyError');
  checked.verifyError = function () {
    const error = Reflect.apply(real, this, []);
    const chain = chainOf(this.getPeerCertificate(true));
    const late = chain.map(wrongDate).find((code) => code !== undefined);
    if (late !== undefined) return failure(late);
    if (error?.code === undefined || !OF_DATES.includes(error.code)) return error;
    // OpenSSL names the last thing that it finds wrong, and it looks at dates last.
    const otherwise = chainProblem(chain);
    return otherwise === undefined ? null : failure(otherwise);
  };
}

function chainOf(link: Link | undefined): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let at = link; at?.raw !== undefined; at = at.issuerCertificate === at ? undefined : at.issuerCertificate) {
    chain.push(new X509Certificate(at.raw));
  }
  return chain;
}

function wrongDate({ validFrom, validTo }: X509Certificate): string | undefined {
  if (Date.now() < Date.parse(validFrom)) return 'CERT_NOT_YET_VALID';
  return Date.now() > Date.parse(validTo) ? 'CERT_HAS_EXPIRED' : undefined;
}

/** As OpenSSL calls it; undefined for a chain that ends at an authority that is trusted. */
function chainProblem(chain: readonly X509Certificate[]): string | undefined {
  const top = chain.at(-1);
  if (top === undefined) return 'UNABLE_TO_GET_ISSUER_CERT';
  const isTrusted = getCACertificates('default').some((pem) => {
    const authority = new X509Certificate(pem);
    return (
      top.fingerprint256 === authority.fingerprint256 || (top.checkIssued(authority) && top.verify(authority.publicKey))
    );
  });
  if (isTrusted) return undefined;
  if (!top.checkIssued(top))
    return chain.length === 1 ? 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
  return chain.length === 1 ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'SELF_SIGNED_CERT_IN_CHAIN';
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code} by the clock of the sandbox`), { code });
}
