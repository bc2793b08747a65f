/** The shapes of certificates, their policies and operations, as the vault has them on the wire (facts A7). */
import type { KeyInHand } from './issuer.ts';

export interface CertificatePolicy {
  readonly key_props: {
    readonly exportable?: boolean;
    readonly kty: 'RSA' | 'EC';
    readonly key_size?: number;
    readonly crv?: string;
    readonly reuse_key?: boolean;
  };
  readonly secret_props: { readonly contentType: 'application/x-pkcs12' | 'application/x-pem-file' };
  readonly x509_props: {
    readonly subject: string;
    readonly sans?: { readonly dns_names?: readonly string[] };
    readonly ekus?: readonly string[];
    readonly key_usage?: readonly string[];
    readonly validity_months?: number;
  };
  readonly lifetime_actions?: readonly unknown[];
  readonly issuer: { readonly name: string };
}

export interface CertificateVersion {
  /** 32 hexadecimal digits; the same for the key and the secret that belong to it. */
  readonly id: string;
  readonly der: Buffer;
  /** The certificate, then its issuers as far as they were brought along. */
  readonly chain: readonly Buffer[];
  tags?: Readonly<Record<string, string>>;
  enabled: boolean;
  /** Epoch seconds. */
  readonly nbf: number;
  readonly exp: number;
  readonly created: number;
  updated: number;
  readonly createdMs: number;
}

export interface Operation {
  readonly requestId: string;
  readonly issuer: string;
  readonly key: KeyInHand;
  readonly csr: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** When the issuer has an answer; never where a person has to merge one. */
  readonly readyAtMs: number;
  /** When what is made ends; as the policy says when absent. */
  readonly endsAt?: Date;
  status: 'inProgress' | 'completed' | 'canceled' | 'failed';
  error?: { readonly code: string; readonly message: string };
}

export interface StoredCertificate {
  readonly name: string;
  /** Oldest first. */
  readonly versions: CertificateVersion[];
  policy: CertificatePolicy;
  operation?: Operation;
  /** Of the newest version. */
  key?: KeyInHand;
}

/** What the service takes where a policy leaves it out [R]. */
export const DEFAULT_POLICY: CertificatePolicy = {
  key_props: { exportable: true, kty: 'RSA', key_size: 2048, reuse_key: false },
  secret_props: { contentType: 'application/x-pkcs12' },
  x509_props: { subject: 'CN=sandbox', validity_months: 12 },
  lifetime_actions: [{ trigger: { lifetime_percentage: 80 }, action: { action_type: 'AutoRenew' } }],
  issuer: { name: 'Self' },
};
