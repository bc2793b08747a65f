import { lookup, type LookupAddress } from 'node:dns';
import type { Call, Clock } from '../../rotation/ports.ts';

const PATIENCE_MS = 3_000;

/** The addresses of a name, A and AAAA, as this machine resolves it (private zones included); or why there are none. Never throws. */
export function addressesOf(name: string, clock: Clock, { signal }: Call): Promise<readonly string[] | string> {
  return new Promise((resolve) => {
    // The resolver takes no signal: what it finds too late is not looked at.
    const end = (found: readonly string[] | string): void => {
      cancel();
      signal.removeEventListener('abort', stop);
      resolve(found);
    };
    const stop = (): void => end('the call ended');
    const cancel = clock.after(PATIENCE_MS, () => end('no answer from DNS'));
    signal.addEventListener('abort', stop, { once: true });
    lookup(name, { all: true }, (error: NodeJS.ErrnoException | null, found: readonly LookupAddress[]) =>
      end(error === null ? [...new Set(found.map(({ address }) => address))] : (error.code ?? error.name)),
    );
  });
}

/** Does a certificate's DNS name cover a host, or a wildcard host? A `*` stands for exactly one label (RFC 6125). */
export function covers(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), host.toLowerCase()];
  if (wanted === given) return true;
  return wanted.startsWith('*.') && given.includes('.') && given.slice(given.indexOf('.')) === wanted.slice(1);
}

export function isWildcard(host: string): boolean {
  return host.includes('*') || host.includes('?');
}
