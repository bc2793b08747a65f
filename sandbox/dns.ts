/**
 * Resolves the sandbox's own names in this process: everything under `sandbox.test` is 127.0.0.1. The platform's
 * resolver cannot be relied on for that (`*.localhost` is ENOTFOUND on some machines). `https`, `pg` and `tedious` all
 * ask `dns.lookup`, so replacing that one function is enough; all other names go to the real resolver untouched.
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
      if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
      else callback(null, '127.0.0.1', 4);
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
