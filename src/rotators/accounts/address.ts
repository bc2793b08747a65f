/* The addresses of PostgreSQL and MySQL: `host[:port][/database]`, a URL of the same, the ARM id of a flexible server. */

const HOST =
  /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)\.?)(?::(\d+))?$/i;

export interface HostAndPort {
  /** Lower case, without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** How the addresses of one kind of server are recognised. */
export interface Recognition {
  /** The scheme of its URLs, and the ARM id of a flexible server. */
  readonly says: readonly RegExp[];
  /** What turns the name of a flexible server into its host, with the leading dot. */
  readonly suffix: string;
  readonly port: number;
}

/** Does the address say by itself that it means this kind of server? A bare `host/database` could be anything. Pure. */
export function claims(address: string, { says, suffix, port }: Recognition): boolean {
  if (says.some((form) => form.test(address))) return true;
  const [, bracketed, name, given] = HOST.exec(address.split('/', 1)[0] ?? '') ?? [];
  if (name !== undefined && name.toLowerCase().endsWith(suffix)) return true;
  return (bracketed ?? name) !== undefined && Number(given) === port;
}

/** @returns the host and its port, or what is wrong: `forms` says what to write instead */
export function readHost(authority: string, usualPort: number, forms: string): HostAndPort | string {
  const host = HOST.exec(authority);
  if (host === null) return `names no host; ${forms}`;
  const port = host[3] === undefined ? usualPort : Number(host[3]);
  if (port < 1 || port > 65_535) return 'names a port outside 1 to 65535';
  return { host: (host[1] ?? host[2] ?? '').toLowerCase(), port };
}

/** @returns the host of a flexible server, or undefined where Azure has no server of that name */
export function hostOfServer(name: string, suffix: string): string | undefined {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name) ? `${name.toLowerCase()}${suffix}` : undefined;
}

/** `host:port`, as a URL spells it. */
export function authorityOf({ host, port }: HostAndPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** @returns undefined where a part of a URL (`encoded`) is not percent-encoded as it has to be */
export function decode(text: string, encoded: boolean): string | undefined {
  if (!encoded) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
