/**
 * The description of an API that makes keys: docs/http-api.schema.json says the same with words for people, and is what a
 * description is checked against (schema-check.ts). Text in which `{{name}}` stands is a template (template.ts); a pointer is
 * a JSON Pointer (RFC 6901) into an answer.
 */
export interface Description {
  readonly $schema?: string;
  readonly name: string;
  readonly title: string;
  /** The public page that it was written from. */
  readonly documentation: string;
  /** `simulation`: tried against the sandbox only; `live`: also against the service itself. */
  readonly verified: 'simulation' | 'live';
  /** What the administrator's credential must be allowed to do, for the remedy of a refusal. */
  readonly permissions: string;
  /** Absent where everybody has an own one: the setting names it. */
  readonly host?: string;
  readonly variables?: Readonly<Record<string, Variable>>;
  readonly authentication: Authentication;
  readonly headers?: Templates;
  /** Absent where a key has no name of its own; then `list.item.created` is needed. */
  readonly label?: { readonly maxLength: number };
  readonly limits?: Limits;
  readonly errors?: Errors;
  readonly create: Create;
  readonly list: List;
  readonly test: Test;
  readonly revoke: Revoke;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Templates = Readonly<Record<string, string>>;
export type Pointer = string;

export interface Variable {
  readonly about: string;
  /** Without one, every instance has to give a value. */
  readonly default?: Json;
}

export interface Limits {
  /** How many keys the account may have; one that is full is found out before a key is asked for. */
  readonly keys?: number;
  /** The longest life of a key; also how long a key lives that is given an expiry. */
  readonly lifetimeDays?: number;
}

/** The only place where a secret may stand. */
export type Authentication =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'headers'; readonly headers: Templates };

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Templates;
  readonly headers?: Templates;
  /** JSON in which strings are templates. */
  readonly body?: Json;
  /** Instead of `body`: application/x-www-form-urlencoded. */
  readonly form?: Templates;
  readonly success: readonly number[];
}

export interface Create extends Operation {
  readonly answer: { readonly id: Pointer; readonly value: Pointer; readonly expires?: Moment };
}

export interface Moment {
  readonly pointer: Pointer;
  readonly format: 'iso' | 'epoch' | 'epoch-ms';
}

export interface List extends Operation {
  /** Where the array of keys is; empty when the answer is the array. */
  readonly items: Pointer;
  /** The answer leaves the array out when there are no keys. */
  readonly absentWhenEmpty?: boolean;
  readonly item: {
    readonly id: Pointer;
    readonly label?: Pointer;
    readonly expires?: Moment;
    readonly created?: Moment;
  };
  /** Keys that do not meet all of these are out of use, and are not listed. */
  readonly where?: readonly Condition[];
  readonly pages?: Pages;
}

export type Pages =
  /** The answer holds the address of the next page, whole or from the path on. */
  | { readonly kind: 'next'; readonly pointer: Pointer }
  /** The header `Link: <…>; rel="next"`. */
  | { readonly kind: 'link-header' }
  /** The answer holds a text that the next request gives back: in the query, or where `{{cursor}}` stands in the body. */
  | { readonly kind: 'cursor'; readonly pointer: Pointer; readonly query?: string; readonly more?: Pointer }
  /** Pages have numbers; the first one with fewer than `size` keys is the last one, or, without a size, one with none that is new. */
  | { readonly kind: 'page'; readonly query: string; readonly first: 0 | 1; readonly size?: number };

export interface Test extends Operation {
  readonly authentication: Authentication;
  /** Absent: the host of everything else. */
  readonly host?: string;
  /** The statuses that say that the key is not valid. */
  readonly rejected: readonly number[];
  /** Where the answer says which key was used: the tag CredentialId must name the same. */
  readonly id?: Pointer;
  /** An answer in which one of these does not hold says that the key is not valid. */
  readonly where?: readonly Condition[];
  /**
   * A refusal that only a valid key gets, which may not do what was asked. The condition tells it from that of a gateway,
   * which knows nothing of keys.
   */
  readonly known?: { readonly status: number; readonly when: Condition };
}

export interface Revoke extends Operation {
  /** Statuses that say that there is no such key any more; 404 when absent. */
  readonly absent?: readonly number[];
}

/** Exactly one of the three beside the pointer. */
export interface Condition {
  readonly pointer: Pointer;
  readonly equals?: Json;
  readonly not?: Json;
  readonly present?: boolean;
}

export type ErrorMeaning =
  'refused-login' | 'denied' | 'absent' | 'conflict' | 'quota' | 'throttled' | 'unavailable' | 'invalid' | 'rejected';

export interface Errors {
  /** The service's own code, the first pointer that leads to one. Only this of an answer is ever shown. */
  readonly code?: readonly Pointer[];
  /** An answer with a good status in which one of these holds is an error all the same. */
  readonly when?: readonly Condition[];
  readonly means?: Readonly<Record<string, ErrorMeaning>>;
  readonly statuses?: Readonly<Record<string, ErrorMeaning>>;
  /** Where it is said how long to wait, when not in Retry-After. */
  readonly retryAfter?: { readonly header: string; readonly unit: 'seconds' | 'epoch' };
}
