/* What is rotated. */

export type ObjectKind = 'secret' | 'key' | 'certificate';

/** A managed object: one name in one vault. */
export interface ObjectRef {
  readonly kind: ObjectKind;
  /** The vault's origin, lower case, no trailing slash: `https://kv.vault.azure.net`. */
  readonly vault: string;
  /** Lower case: names are case-insensitive in Key Vault (facts A4). */
  readonly name: string;
}
