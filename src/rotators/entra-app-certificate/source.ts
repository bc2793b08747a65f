import { pause } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import type {
  Call,
  CertificatesPort,
  CertificateVersion,
  Clock,
  CurrentVersion,
  ObjectRef,
} from '../../rotation/ports.ts';
import { readHolding, type Holding } from './holding.ts';
import { canSign, type Signer } from './jwt.ts';
import {
  awaitsSignature,
  failed,
  invalid,
  keepsKey,
  nameOf,
  notExportable,
  policyCommand,
  renewalProblem,
} from './refusals.ts';

/** A vault makes a self-signed certificate in seconds; one of an issuer takes minutes or days, and is come back for. */
const RENEW_PATIENCE_MS = 15_000;
const EVERY_MS = 3_000;
/** The Key Vault SDK writes later dates as negative numbers, and the secret is to end with the certificate. */
const LAST_END = Date.parse('2038-01-19T03:14:07Z');

export interface Newest {
  readonly version: CurrentVersion;
  readonly holding: Holding;
}

/** The certificate of the vault that an application's credentials are taken from. */
export class Source {
  readonly #certificates: CertificatesPort;
  readonly #clock: Clock;

  constructor(certificates: CertificatesPort, clock: Clock) {
    this.#certificates = certificates;
    this.#clock = clock;
  }

  /**
   * The newest version, whatever it is worth.
   * @throws what the port throws; CONFIG_INVALID when its content is no certificate
   */
  async newest(certificate: ObjectRef, call: Call): Promise<Newest> {
    const version = await this.#certificates.content(certificate, undefined, call);
    const holding = await readHolding(version.value);
    if (holding !== undefined) return { version, holding };
    throw invalid(certificate, 'what its backing secret holds is neither PKCS#12 nor PEM with a certificate in it');
  }

  /** Is it another one than the value's, and worth being taken? One that has expired is renewed rather than taken. */
  isNext({ holding: { thumbprint, notAfter } }: Newest, held: Holding | undefined): boolean {
    return thumbprint !== held?.thumbprint && notAfter > this.#clock.now();
  }

  /**
   * A version that is not the value's: the newest one, or the one that is made now. May be repeated: an operation that runs
   * already is waited for, never doubled.
   * @returns 'pending' while the vault or the issuer is at it
   * @throws HUMAN_REQUIRED when only a person can have it renewed, or the renewal has failed
   */
  async next(certificate: ObjectRef, held: Holding | undefined, call: Call): Promise<Newest | 'pending'> {
    const newest = await this.newest(certificate, call);
    if (this.isNext(newest, held)) return newest;
    const started = this.#clock.now().getTime();
    let operation = await this.#certificates.operation(certificate, call);
    if (operation === undefined || operation.status === 'completed') {
      // One that was completed since the look above has made the version that is wanted.
      const again = await this.newest(certificate, call);
      if (this.isNext(again, held)) return again;
      const problem = renewalProblem(certificate, await this.#certificates.policy(certificate, call));
      if (problem !== undefined) throw problem;
      operation = await this.#certificates.renew(certificate, newest.version.tags, call);
    }
    const asked = { what: `the renewal of ${nameOf(certificate)}`, host: certificate.vault, mutates: false };
    while (operation.status === 'inProgress') {
      if (operation.issuer.toLowerCase() === 'unknown') throw awaitsSignature(certificate);
      if (this.#clock.now().getTime() - started + EVERY_MS > RENEW_PATIENCE_MS) return 'pending';
      await pause(this.#clock, EVERY_MS, asked, call);
      operation = (await this.#certificates.operation(certificate, call)) ?? operation;
    }
    if (operation.status !== 'completed') throw failed(certificate, operation.status, operation.detail);
    const made = await this.newest(certificate, call);
    return this.isNext(made, held) ? made : 'pending';
  }

  /** What stands in the way of taking the newest version, or of having one made; undefined: nothing. @throws when it cannot be looked at now */
  async inTheWay(certificate: ObjectRef, held: Holding | undefined, call: Call): Promise<RotationError | undefined> {
    try {
      const newest = await this.newest(certificate, call);
      if (this.isNext(newest, held)) return this.problem(certificate, newest, held);
      return renewalProblem(certificate, await this.#certificates.policy(certificate, call));
    } catch (error) {
      if (error instanceof RotationError && error.recovery !== 'retry') return error;
      throw error;
    }
  }

  /** Why the application cannot be given this version in the place of the value's; undefined: it can. */
  problem(certificate: ObjectRef, { holding }: Newest, held: Holding | undefined): RotationError | undefined {
    const { key, notBefore, notAfter, form } = holding;
    if (key === undefined) return notExportable(certificate);
    if (!canSign(holding)) {
      const type = String(key.asymmetricKeyType);
      return invalid(
        certificate,
        `its key is ${type}; Entra documents PS256 and RS256 for applications, so an RSA key is needed`,
        policyCommand(certificate, '"keyType": "RSA"'),
      );
    }
    if (notBefore > this.#clock.now())
      return invalid(certificate, `it is valid only from ${notBefore.toISOString()} on`);
    if (notAfter.getTime() >= LAST_END) {
      const why = `it ends at ${notAfter.toISOString()}, and a secret cannot be given an expiry after 2038-01-19T03:14:07Z`;
      return invalid(certificate, why, policyCommand(certificate, 'a smaller "validityInMonths"'));
    }
    if (held === undefined) return undefined;
    if (held.form !== form) {
      const why = `it is held as ${form} now, and the secret as ${held.form}: its readers would not understand it`;
      return invalid(
        certificate,
        why,
        `Write the newest version into the secret by hand, with its key id in the tag CredentialId, or put the contentType in the certificate's policy back.`,
      );
    }
    if (held.key !== undefined && holding.certificate.checkPrivateKey(held.key)) return keepsKey(certificate);
    return undefined;
  }

  /** A version of it that the application has as one of these, and that can sign; the newest one. None where it is gone. */
  async signer(certificate: ObjectRef, thumbprints: readonly string[], call: Call): Promise<Signer | undefined> {
    if (thumbprints.length === 0) return undefined;
    const versions = await this.#certificates.versions(certificate, call).catch(noneWhereAbsent);
    for (const { version, enabled, thumbprint } of versions) {
      if (!enabled || !thumbprints.includes(thumbprint)) continue;
      const { value } = await this.#certificates.content(certificate, version, call);
      const holding = await readHolding(value);
      if (canSign(holding)) return holding;
    }
    return undefined;
  }
}

/** An old credential is to go even when the certificate is gone. */
function noneWhereAbsent(error: unknown): readonly CertificateVersion[] {
  if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return [];
  throw error;
}
