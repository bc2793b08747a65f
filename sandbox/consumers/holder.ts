/** What the list of consumers in the simulated Azure is made of. */
import type { VaultDirectories } from '../arm/service.ts';
import type { CertificateSeen } from '../certificate-directory.ts';
import type { Sandbox } from '../sandbox.ts';

/** Two certificates and a plain secret of the vault `kv`, which the consumers use. */
export const SELF_SIGNED = 'shop-tls';
export const SIGNED = 'edge-tls';
export const PLAIN = 'payment-key';
export type Used = typeof SELF_SIGNED | typeof SIGNED | typeof PLAIN;

/** One consumer: what it uses, and under which names it serves that. */
export interface Use {
  readonly object: Used;
  readonly hosts: readonly string[];
}

/** A resource of Azure, or a few that belong together. */
export interface Holder {
  /** As the app calls this kind of consumer. */
  readonly kind: string;
  /** One for each consumer that the app finds in it. */
  readonly uses: readonly Use[];
  /** Makes it, with what is in the vault now. */
  put(world: World): void;
}

export interface World {
  readonly arm: Sandbox['arm'];
  readonly now: Date;
  /** ARM's id of the vault. */
  readonly vaultId: string;
  /** The address of a secret, without the version. */
  readonly secretUrl: (object: Used) => string;
  readonly newest: (object: Used) => string;
  readonly certificate: (object: Used) => CertificateSeen;
  readonly directories: Required<VaultDirectories>;
}
