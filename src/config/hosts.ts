/**
 * A pattern of hosts, as in KEYTURN_ALLOWED_HOSTS and KEYTURN_ADMINISTRATORS:
 * - `db.example.com` is that host, on any port;
 * - `db.example.com:6432` is that host on that port only;
 * - `*.example.com` is every name below example.com, however many labels deep, but not example.com itself;
 * - `[::1]` and `[::1]:6432` are IPv6 addresses.
 */
export interface HostPattern {
  /** As it was written. */
  readonly text: string;
  readonly host: string;
  /** The pattern began with `*.`; `host` is what follows. */
  readonly below: boolean;
  readonly port?: number;
}

const LABEL = '[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?';
const PATTERN = new RegExp(`^(\\*\\.)?(\\[[0-9a-f:.]+\\]|${LABEL}(?:\\.${LABEL})*)(?::(\\d{1,5}))?$`);

/** @returns the pattern, or what is wrong with it */
export function parseHostPattern(written: string): HostPattern | string {
  const match = PATTERN.exec(written.toLowerCase());
  if (match === null) {
    return `'${written}' is not a host pattern; write host, host:port, *.suffix or *.suffix:port (no scheme, no path)`;
  }
  const [, star, host = '', port] = match;
  if (star !== undefined && (!host.includes('.') || host.startsWith('['))) {
    return `'${written}' is too wide: after *. at least two labels are needed, as in *.example.com`;
  }
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) return `'${written}' has no possible port`;
  return { text: written, host, below: star !== undefined, ...(port === undefined ? {} : { port: Number(port) }) };
}

/** @param host `host` or `host:port`, in any case */
export function matchesHost(pattern: HostPattern, host: string): boolean {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)\.?(?::(\d+))?$/.exec(host.toLowerCase()) ?? [];
  const bare = name.replace(/\.$/, '');
  if (bare === '') return false;
  if (pattern.port !== undefined && Number(port) !== pattern.port) return false;
  return pattern.below ? bare.endsWith(`.${pattern.host}`) : bare === pattern.host;
}

/** For sorting: the pattern that says most comes first (a whole host before a suffix, a port before none). */
export function moreSpecific(a: HostPattern, b: HostPattern): number {
  return (
    Number(a.below) - Number(b.below) ||
    b.host.length - a.host.length ||
    Number(b.port !== undefined) - Number(a.port !== undefined)
  );
}
