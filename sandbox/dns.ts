/**
 * Resolves the sandbox's own names in this process: everything under `sandbox.test` is 127.0.0.1. The platform's
 * resolver cannot be relied on for that (`*.localhost` is ENOTFOUND on some machines). `https`, `pg` and `tedious` all
 * ask `dns.lookup`, so replacing that one function is enough; all other names go to the real resolver untouched.
 *
 * Some names tell more, so that every process resolves them alike without being told: those below `twin.sandbox.test` have
 * two addresses, 127.0.0.1 and 127.0.0.2 (macOS: `sudo ifconfig lo0 alias 127.0.0.2`); those below `elsewhere.sandbox.test`
 * lead to 127.0.0.3; and those below `nowhere.sandbox.test` do not exist.
 *
 * Use `installSandboxDns()` in the process, or start it with `node --import ./sandbox/dns-preload.ts`.
 */
import dns from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

export const SANDBOX_SUFFIX = 'sandbox.test';

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

const MARK = Symbol.for('keyturn.sandbox.dns');

/** Whether the sandbox answers for this name. */
export function isSandboxName(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return name === SANDBOX_SUFFIX || name.endsWith(`.${SANDBOX_SUFFIX}`);
}

/** Below which a name has other addresses than 127.0.0.1. */
const ZONES: Readonly<Record<string, readonly string[]>> = {
  [`twin.${SANDBOX_SUFFIX}`]: ['127.0.0.1', '127.0.0.2'],
  [`elsewhere.${SANDBOX_SUFFIX}`]: ['127.0.0.3'],
  [`nowhere.${SANDBOX_SUFFIX}`]: [],
};

/** The addresses of a name of the sandbox; none where it does not exist. */
export function sandboxAddresses(host: string): readonly string[] {
  const name = host.toLowerCase().replace(/\.$/, '');
  const zone = Object.keys(ZONES).find((one) => name === one || name.endsWith(`.${one}`));
  return (zone === undefined ? undefined : ZONES[zone]) ?? ['127.0.0.1'];
}

/** Replaces `dns.lookup`, once per process. Returns how to put the real one back. */
export function installSandboxDns(): () => void {
  const real = dns.lookup as typeof dns.lookup & { [MARK]?: true };
  if (real[MARK]) return () => undefined;
  const lookup = (host: string, second: unknown, third?: Callback): void => {
    const callback = typeof second === 'function' ? (second as Callback) : third;
    const options = typeof second === 'object' && second !== null ? (second as { all?: boolean }) : {};
    if (!isSandboxName(host) || callback === undefined) {
      Reflect.apply(real, dns, third === undefined ? [host, second] : [host, second, third]);
      return;
    }
    process.nextTick(() => {
      const addresses = sandboxAddresses(host);
      const [first] = addresses;
      if (first === undefined) callback(notFound(host), '');
      else if (options.all === true)
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      else callback(null, first, 4);
    });
  };
  // promisify(dns.lookup) must still give { address, family }: what tells it so is a symbol on the real function.
  Object.defineProperties(lookup, { ...Object.getOwnPropertyDescriptors(real), [MARK]: { value: true } });
  dns.lookup = lookup as unknown as typeof dns.lookup;
  syncBuiltinESMExports();
  return () => {
    dns.lookup = real;
    syncBuiltinESMExports();
  };
}

function notFound(hostname: string): NodeJS.ErrnoException {
  const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
  return Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname });
}
