import type { ConsumerAdapter } from '../adapter.ts';
import type { Json } from '../json.ts';
import type { ObjectAddress } from '../object-address.ts';

/** A kind of consumer that is found and named, and never changed: one row of rows.ts. */
export interface Row {
  readonly kind: string;
  /** As RBAC actions spell it. */
  readonly type: string;
  readonly apiVersion: string;
  readonly inGraph: ConsumerAdapter['inGraph'];
  /** Where the references are not in the resource itself: the list of its parts, and the action that reads it. */
  readonly parts?: { readonly path: string; readonly action: string };
  /** How long its service takes by itself, where it is said, in hours. */
  readonly followsHours: number;
  /** @param part `properties` of the resource, or of one of its parts @param name of the part */
  readonly read: (part: Json, name: string) => readonly Found[];
  /** Why nobody but a person may do it, or can. */
  readonly why: string;
  /** @param which `-g <group> -n <name>` @param vaultSecret the id of the secret, with the version that it should have */
  readonly remedy: (which: string, place: string, vaultSecret: string) => string;
}

/** A reference to some object of some vault. */
export interface Found {
  /** Where it is, unique in its resource. */
  readonly place: string;
  readonly address: ObjectAddress | undefined;
  /** The host under which it is served, and the port where that is another than 443. */
  readonly host?: string | undefined;
  readonly port?: number;
}
