/** How a service of the sandbox's ARM is written down: where its resources are, what can be asked of them (facts C). */
import { randomBytes } from 'node:crypto';
import type { HttpProblem, SandboxRequest, SandboxResponse } from '../http.ts';
import type { CertificateDirectory, CertificateSeen, SecretDirectory } from '../certificate-directory.ts';
import { armProblem } from './errors.ts';
import type { Cmk, KeyDirectory } from './cmk.ts';
import type { LaterStyle } from './operations.ts';

export interface Key {
  value: string;
  /** App Configuration's own id of the key. */
  id: string;
  madeAt: Date;
}

export interface Resource {
  readonly service: Service;
  /** The ARM id, in the spelling it was created with. */
  readonly id: string;
  readonly resourceGroup: string;
  /** By what stands in the braces of the service's address. */
  readonly names: Readonly<Record<string, string>>;
  /** By slot; where a resource has several sets, with the set's path before it: `functionKeys/default`. */
  readonly keys: Map<string, Key>;
  etag: string;
  /** The key of a vault that it encrypts with. */
  cmk?: Cmk;
  /** Of a SQL server: by name, the addresses of the keys that it knows. */
  readonly serverKeys: Map<string, string>;
  /** A change of it is under way. */
  busy?: boolean;
}

export interface Asked {
  readonly request: SandboxRequest;
  readonly resource: Resource;
  /** What the operation's own path held in its groups. */
  readonly match: RegExpExecArray;
  /** A new key in the slot, with this value if one is given. */
  readonly renew: (slot: string, value?: string) => Key;
  /** The keys of the sandbox's vaults, where there are any. */
  readonly keys?: KeyDirectory | undefined;
  /** What else is in the vaults, for the services that take it from there. */
  readonly vault: VaultDirectories;
  /** Every resource there is: some are changed by what happens to others. */
  readonly all: () => readonly Resource[];
  readonly now: Date;
}

export interface VaultDirectories {
  readonly certificates?: CertificateDirectory;
  readonly secrets?: SecretDirectory;
}

/** A resource as lists and Resource Graph show it. */
export interface Shown {
  readonly location: string;
  readonly properties: unknown;
}

/** What a resource serves under a host name: certificates, or nothing although the name is its own. */
export type Serves = readonly CertificateSeen[] | 'refuses';

export interface Operation {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';
  /** What follows the resource's id. Always without regard to case. */
  readonly path: RegExp;
  /** As role definitions spell it. */
  readonly action: string;
  /** Refuses, or returns the work: what is then done at once or, with `later`, after the 202 (IoT Hub: the 201). */
  begin(asked: Asked): () => SandboxResponse;
  readonly later?: {
    readonly style: LaterStyle;
    readonly status: 201 | 202;
    /** The next one cancels it, instead of waiting for its end. */
    readonly isSuperseded?: true;
  };
}

export interface Service {
  /** Below `/providers/`, names in braces. */
  readonly address: string;
  readonly slots: readonly string[];
  readonly operations: readonly Operation[];
  mint(): string;
  /** What Resource Graph's copy of it shows; absent where the graph has no such resources. */
  graph?(resource: Resource): Shown;
  /** The resource as the list of its group shows it; absent where the sandbox has no such list. */
  listed?(resource: Resource): unknown;
  /** What the TLS front serves for it under this host name; undefined when the name is not its own. */
  serves?(resource: Resource, host: string, vault: VaultDirectories, now: Date): Serves | undefined;
  /** What it says while another operation on the resource is under way. */
  busy?(): HttpProblem;
}

export const base64Key = (bytes: number) => (): string => randomBytes(bytes).toString('base64');
export const hexKey = (bytes: number) => (): string => randomBytes(bytes).toString('hex');

export function valuesOf({ keys }: Resource): Readonly<Record<string, string>> {
  return Object.fromEntries([...keys].map(([slot, { value }]) => [slot, value]));
}

/** A member of the request's JSON body, if it is text. */
export function said(request: SandboxRequest, member: string): string | undefined {
  const body = request.json;
  if (typeof body !== 'object' || body === null) return undefined;
  const value = (body as Readonly<Record<string, unknown>>)[member];
  return typeof value === 'string' ? value : undefined;
}

export function badRequest(message: string, code = 'BadRequest'): HttpProblem {
  return armProblem(400, code, message);
}

interface Plain {
  readonly address: string;
  readonly slots: readonly string[];
  readonly mint: () => string;
  /** The path of the call that lists, and what it answers. */
  readonly list: readonly [path: string, answer: (keys: Readonly<Record<string, string>>) => unknown];
  readonly renew: {
    readonly path: string;
    /** The body's member that names the slot. */
    readonly member: string;
    /** Absent: the same as the list. */
    readonly answer?: (keys: Readonly<Record<string, string>>, slot: string) => unknown;
    readonly later?: LaterStyle;
    /** The slot's spelling counts. Where it does not, the sources show both. */
    readonly anyCase?: boolean;
  };
  readonly busy?: () => HttpProblem;
  /** What else can be asked of it. */
  readonly more?: readonly Operation[];
}

/** A service with two POST actions: one lists, one makes a new key and names the slot in its body. */
export function plain({ address, slots, mint, list: [listPath, answer], renew, busy, more = [] }: Plain): Service {
  const type = address.replaceAll(/\/\{\w+\}/g, '');
  const done = renew.answer ?? answer;
  return {
    address,
    slots,
    mint,
    ...(busy === undefined ? {} : { busy }),
    operations: [
      ...more,
      {
        method: 'POST',
        path: new RegExp(`^${listPath}$`, 'i'),
        action: `${type}${listPath}/action`,
        begin:
          ({ resource }) =>
          () => ({ status: 200, body: answer(valuesOf(resource)) }),
      },
      {
        method: 'POST',
        path: new RegExp(`^${renew.path}$`, 'i'),
        action: `${type}${renew.path}/action`,
        ...(renew.later === undefined ? {} : { later: { style: renew.later, status: 202 as const } }),
        begin({ request, resource, renew: make }) {
          const named = said(request, renew.member);
          const same = (slot: string): boolean => slot === named;
          const alike = (slot: string): boolean => slot.toLowerCase() === named?.toLowerCase();
          const slot = slots.find(renew.anyCase === true ? alike : same);
          if (slot === undefined) {
            throw badRequest(`The value of the parameter ${renew.member} must be one of ${slots.join(', ')}.`);
          }
          return () => {
            make(slot);
            return { status: 200, body: done(valuesOf(resource), slot) };
          };
        },
      },
    ],
  };
}
