/** What the simulated services look up in the simulated vault, as Azure's services do with an identity of theirs. */
export interface CertificateSeen {
  readonly version: string;
  readonly enabled: boolean;
  readonly exportable: boolean;
  readonly keyType: 'RSA' | 'EC';
  readonly contentType: string;
  /** The leaf first, then what it was signed by. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly createdMs: number;
}

export interface CertificateDirectory {
  /** @param vault its host, or its name alone @param version the newest one when absent */
  lookUp(vault: string, name: string, version?: string): CertificateSeen | undefined;
}

/** The same for plain secrets: services take the value; the sandbox only needs to know which version it is. */
export interface SecretDirectory {
  lookUp(
    vault: string,
    name: string,
    version?: string,
  ): { readonly version: string; readonly enabled: boolean; readonly createdMs: number } | undefined;
}
