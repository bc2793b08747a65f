/** One vault's certificates in memory: versions, policies, pending operations (facts A7). Knows no HTTP but its errors. */
import { X509Certificate, randomBytes } from 'node:crypto';
import type { KeyStore } from '../key-store.ts';
import { compare, type SecretStore } from '../store.ts';
import * as refuse from './errors.ts';
import { belongsTo, content, keyFor, request, selfSigned } from './issuer.ts';
import type { CertificatePolicy, CertificateVersion, Operation, StoredCertificate } from './model.ts';

export interface CertificateStoreOptions {
  readonly now: () => Date;
  /** Where the key and the backing secret of a version go. */
  readonly secrets: SecretStore;
  readonly keys: KeyStore;
  readonly keyUrl: (name: string, id: string) => string;
  /** How long an issuer takes, in sandbox time. */
  readonly operationMs: () => number;
  /** Why the next operation fails; asked for once by each. */
  readonly failure: () => { readonly code: string; readonly message: string } | undefined;
  onVersion(certificate: StoredCertificate, version: CertificateVersion): void;
  onChange(): void;
}

export class CertificateStore {
  readonly #options: CertificateStoreOptions;
  readonly #live = new Map<string, StoredCertificate>();
  readonly #deleted = new Set<string>();

  constructor(options: CertificateStoreOptions) {
    this.#options = options;
  }

  all(): StoredCertificate[] {
    return [...this.#live.values()].sort((a, b) => compare(a.name.toLowerCase(), b.name.toLowerCase()));
  }

  /** @throws HttpProblem 404 */
  find(name: string): StoredCertificate {
    const found = this.#live.get(name.toLowerCase());
    if (found === undefined) throw refuse.certificateNotFound(name);
    return found;
  }

  peek(name: string): StoredCertificate | undefined {
    return this.#live.get(name.toLowerCase());
  }

  /** The version, or the newest finished one. @throws HttpProblem 404 */
  version(name: string, id?: string): { certificate: StoredCertificate; version: CertificateVersion } {
    const certificate = this.find(name);
    const version = id === undefined ? certificate.versions.at(-1) : certificate.versions.find((one) => one.id === id);
    if (version === undefined) throw refuse.certificateNotFound(id === undefined ? name : `${name}/${id}`);
    return { certificate, version };
  }

  /** Begins a version. @throws HttpProblem 409 while one is being made, or the name is that of a deleted one */
  async create(
    name: string,
    policy: CertificatePolicy,
    tags: Readonly<Record<string, string>> | undefined,
    endsAt?: Date,
  ): Promise<StoredCertificate> {
    if (this.#deleted.has(name.toLowerCase())) throw refuse.deletedButRecoverable(name);
    const certificate = this.peek(name) ?? { name, versions: [], policy };
    if (certificate.operation?.status === 'inProgress') throw refuse.operationInProgress();
    const now = this.#options.now();
    const issuer = policy.issuer.name;
    // In its place before the first wait, so that a second request finds it.
    this.#live.set(name.toLowerCase(), certificate);
    certificate.policy = policy;
    const key = await keyFor(policy, certificate.key);
    const byPerson = issuer.toLowerCase() === 'unknown';
    certificate.operation = {
      ...{ requestId: randomBytes(16).toString('hex'), issuer, key, tags, status: 'inProgress' as const },
      csr: await request(policy, key),
      readyAtMs: byPerson ? Number.POSITIVE_INFINITY : now.getTime() + this.#options.operationMs(),
      ...(endsAt === undefined ? {} : { endsAt }),
    };
    this.#options.onChange();
    return certificate;
  }

  /** @throws HttpProblem 404 */
  operation(name: string): Operation {
    const { operation } = this.find(name);
    if (operation === undefined) throw refuse.pendingNotFound(name);
    return operation;
  }

  cancel(name: string): Operation {
    const operation = this.operation(name);
    if (operation.status !== 'inProgress') throw refuse.notInProgress();
    operation.status = 'canceled';
    return operation;
  }

  deleteOperation(name: string): Operation {
    const operation = this.operation(name);
    Reflect.deleteProperty(this.find(name), 'operation');
    return operation;
  }

  /** A person brings the answer to the request. @throws HttpProblem 400 for a certificate of another key */
  merge(name: string, chain: readonly Buffer[], tags?: Readonly<Record<string, string>>): CertificateVersion {
    const certificate = this.find(name);
    const operation = this.operation(name);
    if (operation.status !== 'inProgress') throw refuse.notInProgress();
    const [der] = chain;
    if (der === undefined || !belongsTo(der, operation.key)) throw refuse.anotherKey();
    return this.#complete(certificate, operation, chain, tags);
  }

  /** Ends every operation whose time has come. */
  async settle(): Promise<void> {
    const now = this.#options.now();
    for (const certificate of this.all()) {
      const { operation, policy } = certificate;
      if (operation === undefined || !isOpen(operation) || operation.readyAtMs > now.getTime()) continue;
      const failure = this.#options.failure();
      const der = failure === undefined ? await selfSigned(policy, operation, now) : undefined;
      // Another request may have ended it meanwhile: it is one version all the same.
      if (!isOpen(operation)) continue;
      if (der !== undefined) this.#complete(certificate, operation, [der]);
      else Object.assign(operation, { status: 'failed', error: failure });
    }
  }

  amend(name: string, id: string | undefined, change: { enabled?: boolean; tags?: Readonly<Record<string, string>> }) {
    const found = this.version(name, id);
    Object.assign(found.version, change, { updated: Math.floor(this.#options.now().getTime() / 1000) });
    this.#options.secrets.patch(name, found.version.id, change);
    return found;
  }

  delete(name: string): StoredCertificate {
    const certificate = this.find(name);
    this.#live.delete(name.toLowerCase());
    this.#deleted.add(name.toLowerCase());
    if (certificate.versions.length > 0) this.#options.secrets.delete(name);
    this.#options.onChange();
    return certificate;
  }

  /** Certificate, key and secret of one version have one id, and are there together. */
  #complete(
    certificate: StoredCertificate,
    operation: Operation,
    chain: readonly Buffer[],
    tags = operation.tags,
  ): CertificateVersion {
    const [der = Buffer.alloc(0)] = chain;
    const nowMs = this.#options.now().getTime();
    const created = Math.floor(nowMs / 1000);
    const { validFrom, validTo } = new X509Certificate(der);
    const { key } = operation;
    const dates = { nbf: Date.parse(validFrom) / 1000, exp: Date.parse(validTo) / 1000 };
    const shared = { ...dates, ...(tags === undefined ? {} : { tags }), enabled: true };
    const id = randomBytes(16).toString('hex');
    const version: CertificateVersion = { ...shared, id, der, chain, created, updated: created, createdMs: nowMs };
    operation.status = 'completed';
    certificate.key = key;
    certificate.versions.push(version);
    const { name, policy } = certificate;
    this.#options.keys.create(name, { ...shared, managed: true }, id);
    const { contentType } = policy.secret_props;
    const kid = this.#options.keyUrl(name, id);
    this.#options.secrets.put(name, { ...shared, value: content(policy, chain, key), contentType, kid }, id);
    this.#options.onVersion(certificate, version);
    this.#options.onChange();
    return version;
  }
}

function isOpen({ status }: Operation): boolean {
  return status === 'inProgress';
}
