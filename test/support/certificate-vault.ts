import { randomBytes } from 'node:crypto';
import type { CertificateDirectory, CertificateSeen } from '../../sandbox/certificate-directory.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { issue, servedOf, type Issued, type KeyType } from './certificates.ts';

export interface Make {
  readonly names: readonly string[];
  readonly keyType?: KeyType;
  readonly exportable?: boolean;
  readonly contentType?: string;
}

interface Version extends CertificateSeen {
  readonly issued: Issued;
  enabled: boolean;
}

/** The certificates of one vault, in memory, for the simulated services to look up. */
export class CertificateVault implements CertificateDirectory {
  static readonly host = 'kv.vault.sandbox.test';
  readonly #root: Issued;
  readonly #now: () => Date;
  readonly #versions = new Map<string, Version[]>();

  constructor(root: Issued, now: () => Date) {
    this.#root = root;
    this.#now = now;
  }

  /** A new version, the current one from now on. */
  async make(
    name: string,
    { names, keyType = 'RSA', exportable = true, contentType = 'application/x-pkcs12' }: Make,
  ): Promise<VersionRef> {
    const issued = await issue({ names, keyType, issuer: this.#root });
    const version: Version = {
      ...{ version: randomBytes(16).toString('hex'), enabled: true, exportable, keyType, contentType },
      ...{ certPem: issued.chainPem, keyPem: issued.keyPem, createdMs: this.#now().getTime(), issued },
    };
    this.#versions.set(name.toLowerCase(), [...(this.#versions.get(name.toLowerCase()) ?? []), version]);
    const certificate = { ...servedOf(issued, exportable), contentType };
    const object = { kind: 'certificate', vault: `https://${CertificateVault.host}`, name } as const;
    return { object, version: version.version, createdOn: new Date(version.createdMs), certificate };
  }

  disable(name: string, version: string): void {
    for (const one of this.#versions.get(name.toLowerCase()) ?? []) if (one.version === version) one.enabled = false;
  }

  lookUp(vault: string, name: string, version?: string): CertificateSeen | undefined {
    if (vault !== CertificateVault.host && vault !== CertificateVault.host.split('.')[0]) return undefined;
    const versions = this.#versions.get(name.toLowerCase()) ?? [];
    return version === undefined ? versions.at(-1) : versions.find((one) => one.version === version);
  }

  url(name: string, version = ''): string {
    return `https://${CertificateVault.host}/secrets/${name}/${version}`;
  }
}
