import { randomBytes } from 'node:crypto';

/** The keys of a function app that the sandbox knows: one of each kind. */
export interface HostKeys {
  /** Opens everything, `/admin` included. */
  readonly master: string;
  /** The host key `default`: opens every function of level `function`. */
  readonly default: string;
  /** The system key `eventgrid_extension`: opens the Event Grid webhook. */
  readonly eventGrid: string;
}

export function createKeys(given: Partial<HostKeys> = {}): HostKeys {
  const key = (): string => randomBytes(32).toString('base64url');
  return { master: key(), default: key(), eventGrid: key(), ...given };
}

/** Whether a request that shows `key` may call a function of this level. */
export function mayCall(level: unknown, key: string | undefined, keys: HostKeys): boolean {
  const wanted = typeof level === 'string' ? level.toLowerCase() : 'function';
  if (wanted === 'anonymous') return true;
  if (key === undefined) return false;
  return key === keys.master || (wanted === 'function' && key === keys.default);
}
