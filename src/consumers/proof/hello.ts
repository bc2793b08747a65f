import type { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Clock, ServedCertificate } from '../../rotation/ports.ts';

/** Where a ClientHello goes, and for whom it asks. */
export interface Door {
  /** The name in SNI. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export type Heard =
  | {
      readonly is: 'certificate';
      readonly leaf: X509Certificate;
      /** OpenSSL's word for what is wrong with the chain, or nothing. */
      readonly chain?: string;
    }
  /** No connection at all: a firewall, a private network, nobody there. */
  | { readonly is: 'closed'; readonly why: string }
  /** Somebody is there, and does not finish the handshake. */
  | { readonly is: 'silent'; readonly why: string };

/** One handshake takes milliseconds; who takes longer than this hangs. */
const PATIENCE_MS = 4_000;

/**
 * Signatures that only a key of that type can make, so that a server with an RSA and an EC certificate has no choice. The list also
 * binds who signed the leaf, hence it is never the first attempt.
 */
const SIGNATURES: Readonly<Record<ServedCertificate['keyType'], string>> = {
  RSA: 'rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512',
  EC: 'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512',
};

/**
 * One TLS handshake on a connection of its own, which is closed at once: nothing but the handshake is ever sent, no request and no
 * credential, so it does not matter who answers. @param only offers no certificate of another key type a chance @throws TIMED_OUT when the call ends before
 */
export function sayHello(
  door: Door,
  only: ServedCertificate['keyType'] | undefined,
  clock: Clock,
  { signal }: Call,
): Promise<Heard> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(endedEarly(door));
      return;
    }
    let isOpen = false;
    const socket = connect({
      host: door.address,
      port: door.port,
      servername: door.name,
      // What is served is judged afterwards, the chain and the name each apart: so it must be seen first.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(only === undefined ? {} : { sigalgs: SIGNATURES[only] }),
    });
    const end = (settle: () => void): void => {
      cancel();
      signal.removeEventListener('abort', stop);
      // Flushes the end of the handshake first: servers log one that is cut off.
      socket.destroySoon();
      settle();
    };
    const stop = (): void => end(() => reject(endedEarly(door)));
    const fail = (why: string): void => end(() => resolve({ is: isOpen ? 'silent' : 'closed', why }));
    const cancel = clock.after(PATIENCE_MS, () => fail(`no answer in ${PATIENCE_MS / 1000} s`));
    signal.addEventListener('abort', stop, { once: true });
    socket.once('connect', () => (isOpen = true));
    socket.once('secureConnect', () => {
      const heard = heardOn(socket);
      end(() => resolve(heard));
    });
    socket.once('close', () => fail('the connection was closed'));
    // Stays: a socket that is destroyed may fail once more.
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
  });
}

function heardOn(socket: TLSSocket): Heard {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return { is: 'silent', why: 'no certificate was served' };
  // Typed as an error; it is OpenSSL's code, a text.
  const chain: unknown = socket.authorizationError;
  return { is: 'certificate', leaf, ...(socket.authorized ? {} : { chain: String(chain) }) };
}

function endedEarly({ name, address, port }: Door): RotationError {
  return new RotationError({
    code: 'TIMED_OUT',
    recovery: 'retry',
    message: `asking ${name} at ${address}:${port} for its certificate took too long`,
  });
}
