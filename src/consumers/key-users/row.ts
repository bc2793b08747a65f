import type { KeyAddress, KeyUse } from '../../rotation/ports.ts';

/** One call that changes a resource. */
export interface Move {
  readonly method: 'PATCH' | 'PUT';
  /** What follows the resource's id: empty for the resource itself. */
  readonly path: string;
  /** The RBAC action that it needs, as role definitions spell it. */
  readonly action: string;
  readonly body: unknown;
  /** Makes what stays there once it is made, so that it is not made again. Whether it is there is looked up at the same path. */
  readonly once?: { readonly reads: string };
}

export type KeyVersionAddress = KeyAddress & { readonly version: string };

/**
 * A kind of resource that encrypts its data with a key of a vault. The names of the properties differ from service to service, so
 * each row spells them out. What is marked [U] was not tried on Azure.
 */
export interface KeyUserRow {
  readonly kind: string;
  /** ARM's type of the resource that a tag names: `Microsoft.Storage/storageAccounts`. */
  readonly type: string;
  readonly name: RegExp;
  readonly apiVersion: string;
  /** Where the key is, after the resource's id: empty, or a child of it. */
  readonly path: string;
  readonly reads: string;
  /** The built-in role with the fewest rights that grants the calls. */
  readonly role: string;
  /** How the resource uses its key, from the answer of the read. Pure. */
  use(body: unknown): KeyUse;
  /** The calls that make it use the version, in order. Pure. @param body the answer of the read */
  moves(body: unknown, key: KeyVersionAddress): readonly Move[];
}
