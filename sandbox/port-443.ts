/**
 * Leads this process's connections to port 443 of the sandbox's names and addresses to the TLS front (tls-front.ts): whoever proves what a
 * host serves goes to 443, as in Azure, and only root may listen there. A packet filter could do the same outside of the process.
 *
 * Use `leadPort443To(port)` in the process, or start it with `node --import ./sandbox/dns-preload.ts` and the variable below.
 */
import { Socket } from 'node:net';
import { isSandboxName } from './dns.ts';

export const TLS_PORT_VARIABLE = 'SANDBOX_TLS_PORT';

interface Wanted {
  readonly port?: unknown;
  readonly host?: unknown;
}

/** Returns how to let connections go to 443 again. What is open stays open. */
export function leadPort443To(port: number): () => void {
  const real: (...args: unknown[]) => Socket = Reflect.get(Socket.prototype, 'connect') as typeof real;
  // `net.connect` gives an array that it has normalised, `tls.connect` the options; nobody here calls it with a port alone.
  const lead = function (this: Socket, first: unknown, ...rest: unknown[]): Socket {
    if (Array.isArray(first)) first[0] = led(first[0], port);
    return Reflect.apply(real, this, [Array.isArray(first) ? first : led(first, port), ...rest]);
  };
  Reflect.set(Socket.prototype, 'connect', lead);
  return () => void Reflect.set(Socket.prototype, 'connect', real);
}

function led(options: unknown, port: number): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { port: wanted, host } = options as Wanted;
  return Number(wanted) === 443 && typeof host === 'string' && isOurs(host) ? { ...options, port } : options;
}

function isOurs(host: string): boolean {
  return isSandboxName(host) || /^127\.0\.0\.[1-3]$/.test(host);
}
