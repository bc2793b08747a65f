/**
 * What a simulated provider of keys is made of: who may call, the routes, and the words in which it refuses. Each file in
 * `providers/` is written from the provider's own documentation, never from Keyturn's description of it.
 */
import { randomBytes } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly value: string;
  readonly createdAt: Date;
  readonly expiresAt?: Date;
}

/** An administrator of the account. */
export interface Administrator {
  /** As it is kept in a vault. */
  readonly stored: string;
  /** As it comes in a request; see `Provider.presented`. */
  readonly presented: string;
}

export interface Ask {
  readonly request: SandboxRequest;
  /** The named parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly json: Readonly<Record<string, unknown>>;
  readonly form: URLSearchParams;
  readonly now: Date;
  /** The keys in use, oldest first. */
  readonly keys: readonly Key[];
  /** Who asks, on the routes of a key. */
  readonly caller: Key | undefined;
  /** @throws the provider's own refusal when there may be no more */
  readonly make: (name: string, expiresAt?: Date) => Key;
  /** @returns whether there was such a key */
  readonly remove: (id: string) => boolean;
}

export interface Route {
  readonly method: string;
  /** `/v3/api_keys/:id` */
  readonly path: string;
  readonly as: 'administrator' | 'key';
  readonly answer: (ask: Ask) => SandboxResponse;
}

export interface Provider {
  readonly name: string;
  /** Below `sandbox.test`. */
  readonly host: string;
  administrator(): Administrator;
  /** The credential in a request, as one text. */
  presented(request: SandboxRequest): string;
  /** How a request with this key looks to `presented`. */
  presents(key: Key, administrator: Administrator): string;
  /** Does the request change nothing, though it is no GET? GraphQL's queries are such. */
  reads?(request: SandboxRequest): boolean;
  mint(): { readonly id: string; readonly value: string };
  /** How many keys the account may have. */
  readonly most?: number;
  readonly problems: {
    readonly unauthenticated: SandboxResponse;
    readonly forbidden: SandboxResponse;
    readonly absent: SandboxResponse;
    readonly throttled: SandboxResponse;
    readonly unavailable: SandboxResponse;
    readonly full?: SandboxResponse;
  };
  readonly routes: readonly Route[];
}

type Answer = Route['answer'];
export const admin = (method: string, path: string, answer: Answer): Route => ({
  method,
  path,
  as: 'administrator',
  answer,
});
export const withKey = (method: string, path: string, answer: Answer): Route => ({ method, path, as: 'key', answer });

export const header = (request: SandboxRequest, name: string): string => {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
};
export const authorization = (request: SandboxRequest): string => header(request, 'authorization');
export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
/** An administrator with a token that is kept as it is. */
export const bearerAdministrator = (token: string): Administrator => ({ stored: token, presented: `Bearer ${token}` });

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
export const token = (length: number): string =>
  [...randomBytes(length)].map((byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
export const hex = (length: number): string =>
  randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length);
let counter = 40_000;
export const serial = (): string => String((counter += 1));

export const refusing = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): SandboxResponse => ({
  status,
  body,
  headers,
});
export const throttling = (body: unknown): SandboxResponse => refusing(429, body, { 'retry-after': '7' });

/** Seconds, no milliseconds: as most services write a time. */
export const seconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');
export const epoch = (date: Date): number => Math.floor(date.getTime() / 1000);
/** The n-th page, numbered from 0. */
export function pageOf<T>(items: readonly T[], page: number, size: number): readonly T[] {
  return items.slice(page * size, (page + 1) * size);
}

export function numberOf(query: URLSearchParams, name: string, fallback: number): number {
  const value = query.get(name);
  return value === null ? fallback : Number(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A time that the service was given, as text or in seconds; undefined for none, `Invalid Date` for nonsense. */
export function dateOf(value: unknown): Date | undefined {
  if (typeof value === 'number') return new Date(value * 1000);
  return typeof value === 'string' ? new Date(value) : undefined;
}
