import { X509Certificate } from 'node:crypto';
import { RotationError } from '../../../src/rotation/errors.ts';
import type {
  Call,
  CertificateOperation,
  CertificatePolicy,
  CertificatesPort,
  CertificateVersion,
  Clock,
  CurrentCertificate,
  CurrentVersion,
  ObjectRef,
  SecretListing,
} from '../../../src/rotation/ports.ts';
import { issue, servedOf, type Issued, type Wanted } from '../certificates.ts';
import type { Calls } from './calls.ts';

const DAY = 86_400_000;
type Tags = Readonly<Record<string, string>>;

/** Without the private key of anything. */
export interface StoredCertificate extends CurrentCertificate {
  readonly chain: readonly Uint8Array[];
}

interface Kept {
  readonly object: ObjectRef;
  /** Newest first. */
  versions: StoredCertificate[];
  operation?: { -readonly [K in keyof CertificateOperation]: CertificateOperation[K] } & {
    tags: Tags;
    readyAt: number;
  };
}

/** Certificates in memory: real ones, with keys of an elliptic curve. */
export class MemoryCertificates implements CertificatesPort {
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #made = 0;
  policyNow: CertificatePolicy = { issuer: 'Self', exportable: true, reuseKey: false, keyType: 'EC' };
  /** How long an issuer takes. */
  operationMs = 0;
  /** Whether a version has the tags that its operation was begun with: what the vault does by itself is not documented. */
  keepsTags = true;
  /** Why operations fail from now on. */
  failure: string | undefined;
  /** What the next version is made of, beside the names of the version before. */
  next: Partial<Wanted> = {};
  /** Versions made beforehand, in DER: taken in this order as long as there are any. */
  ready: (readonly Uint8Array[])[] = [];
  /** The vault's own event follows every version. */
  onVersion: (object: ObjectRef, version: string) => void = () => undefined;

  constructor(calls: Calls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  async current(object: ObjectRef): Promise<CurrentCertificate> {
    await this.#asked('current', object);
    const [newest] = this.peek(object);
    if (newest === undefined) throw absent(object);
    return newest;
  }

  async versions(object: ObjectRef): Promise<readonly CertificateVersion[]> {
    await this.#asked('versions', object);
    return this.peek(object).map(({ certificate, ...one }) => ({ ...one, thumbprint: certificate.sha1 }));
  }

  async policy(object: ObjectRef): Promise<CertificatePolicy> {
    await this.#asked('policy', object);
    return this.policyNow;
  }

  async operation(object: ObjectRef): Promise<CertificateOperation | undefined> {
    await this.#asked('operation', object);
    const operation = this.#of(object).operation;
    return operation === undefined ? undefined : { ...operation };
  }

  async renew(object: ObjectRef, tags: Tags, call?: Call): Promise<CertificateOperation> {
    await this.#asked('renew', object);
    refuseAborted(call);
    const kept = this.#of(object);
    if (kept.operation?.status !== 'inProgress') {
      const byPerson = this.policyNow.issuer === 'Unknown';
      this.#made += 1;
      kept.operation = {
        ...{ id: `operation-${this.#made}`, status: 'inProgress', issuer: this.policyNow.issuer, tags },
        readyAt: byPerson ? Number.POSITIVE_INFINITY : this.#clock.now().getTime() + this.operationMs,
        ...(byPerson ? { request: Buffer.from('a request') } : {}),
      };
    }
    await this.#settle(kept);
    return { ...(kept.operation as CertificateOperation) };
  }

  async chain(object: ObjectRef, version: string): Promise<readonly Uint8Array[]> {
    await this.#asked('chain', object);
    const found = this.peek(object).find((one) => one.version === version);
    if (found === undefined) throw absent(object);
    return found.chain;
  }

  async merge(object: ObjectRef, chain: readonly Uint8Array[], call?: Call): Promise<{ version: string }> {
    await this.#asked('merge', object);
    refuseAborted(call);
    const { operation } = this.#of(object);
    if (operation?.status !== 'inProgress') throw absent(object);
    operation.status = 'completed';
    return { version: this.add(object, chain, this.keepsTags ? operation.tags : {}).version };
  }

  async amend(object: ObjectRef, version: string, tags: Tags): Promise<void> {
    await this.#asked('amend', object);
    this.change(object, { tags, updatedOn: new Date(this.#clock.now().getTime() + 1) }, version);
  }

  async *list(vault: string): AsyncIterable<SecretListing> {
    await this.#calls.made('certificates.list');
    for (const { object, versions } of [...this.#kept.values()]) {
      const [newest] = versions;
      if (object.vault !== vault || newest === undefined) continue;
      const { version: _version, certificate: _certificate, chain: _chain, ...info } = newest;
      yield { ...info, object };
    }
  }

  content(): Promise<CurrentVersion> {
    throw new TypeError('the engine has no business with private keys');
  }

  /* What tests look at and put there. */

  put(object: ObjectRef, version: CurrentCertificate): void {
    const kept = this.#of(object);
    kept.versions = [{ ...version, chain: [] }, ...kept.versions];
  }

  /** One more version, as the vault would make it: by itself, with the tags that it is given. */
  async make(object: ObjectRef, tags: Tags, wanted: Partial<Wanted> = {}): Promise<StoredCertificate> {
    const issued = await this.#issue(object, wanted);
    return this.add(object, ders(issued), tags);
  }

  add(object: ObjectRef, chain: readonly Uint8Array[], tags: Tags): StoredCertificate {
    const leaf = new X509Certificate(chain[0] ?? Buffer.alloc(0));
    this.#made += 1;
    const now = this.#clock.now();
    const keyType = leaf.publicKey.asymmetricKeyType === 'ec' ? 'EC' : 'RSA';
    const certificate = servedOf({ certPem: leaf.toString(), keyType }, this.policyNow.exportable);
    const version: StoredCertificate = {
      ...{ version: `c${this.#made}`, enabled: true, createdOn: now, updatedOn: now, managed: false, tags },
      ...{ notBefore: new Date(leaf.validFrom), expiresOn: new Date(leaf.validTo), certificate, chain },
    };
    const kept = this.#of(object);
    kept.versions = [version, ...kept.versions];
    this.onVersion(object, version.version);
    return version;
  }

  cancel(object: ObjectRef): void {
    const { operation } = this.#of(object);
    if (operation !== undefined) operation.status = 'cancelled';
  }

  change(object: ObjectRef, change: Partial<StoredCertificate>, version = this.peek(object)[0]?.version): void {
    const kept = this.#of(object);
    kept.versions = kept.versions.map((one) => (one.version === version ? { ...one, ...change } : one));
  }

  peek(object: ObjectRef): readonly StoredCertificate[] {
    return this.#of(object).versions;
  }

  async #asked(what: string, object: ObjectRef): Promise<void> {
    await this.#calls.made(`certificates.${what}`);
    await this.#settle(this.#of(object));
  }

  async #settle(kept: Kept): Promise<void> {
    const { operation, object } = kept;
    if (operation?.status !== 'inProgress' || operation.readyAt > this.#clock.now().getTime()) return;
    if (this.failure !== undefined) {
      Object.assign(operation, { status: 'failed', detail: this.failure });
      return;
    }
    operation.status = 'completed';
    const made = this.ready.shift() ?? ders(await this.#issue(object, this.next));
    this.add(object, made, this.keepsTags ? operation.tags : {});
  }

  async #issue(object: ObjectRef, wanted: Partial<Wanted>): Promise<Issued> {
    const names = this.peek(object)[0]?.certificate.names ?? [`${object.name}.example`];
    const now = this.#clock.now().getTime();
    const valid = { from: new Date(now), until: new Date(now + 90 * DAY) };
    return issue({ names, valid, ...wanted });
  }

  #of(object: ObjectRef): Kept {
    const key = `${object.vault}/${object.name}`;
    const found = this.#kept.get(key) ?? { object, versions: [] };
    this.#kept.set(key, found);
    return found;
  }
}

/** What a server sends of it, in DER. */
export function ders({ chainPem }: Pick<Issued, 'chainPem'>): readonly Uint8Array[] {
  const blocks = chainPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).raw);
}

function absent({ name }: ObjectRef): RotationError {
  return new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message: `no certificate ${name}` });
}

/** As the SDK does with a request whose time is over. */
function refuseAborted(call: Call | undefined): void {
  if (call?.signal.aborted !== true) return;
  throw new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message: 'aborted before it was sent' });
}
