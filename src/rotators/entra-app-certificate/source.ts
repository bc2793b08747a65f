import { pause } from '../../azure/rest.ts';
import { RotationError, type RotationErrorInit } from '../../rotation/errors.ts';
import type {
  Call,
  CertificatePolicy,
  CertificatesPort,
  Clock,
  CurrentVersion,
  ObjectRef,
} from '../../rotation/ports.ts';
import { readHolding, type Holding } from './holding.ts';
import { canSign, type Signer } from './jwt.ts';

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

  /** What stands in the way of having it renewed; undefined: nothing. */
  async renewalProblem(certificate: ObjectRef, call: Call): Promise<RotationError | undefined> {
    return renewalProblem(certificate, await this.#certificates.policy(certificate, call));
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

  /** A version of it that the application has as one of these, and that can sign; the newest one. */
  async signer(certificate: ObjectRef, thumbprints: readonly string[], call: Call): Promise<Signer | undefined> {
    if (thumbprints.length === 0) return undefined;
    for (const { version, enabled, thumbprint } of await this.#certificates.versions(certificate, call)) {
      if (!enabled || !thumbprints.includes(thumbprint)) continue;
      const { value } = await this.#certificates.content(certificate, version, call);
      const holding = await readHolding(value);
      if (canSign(holding)) return holding;
    }
    return undefined;
  }
}

function renewalProblem(certificate: ObjectRef, { issuer, exportable, reuseKey }: CertificatePolicy) {
  if (issuer.toLowerCase() === 'unknown') return byPerson(certificate);
  if (!exportable) return notExportable(certificate);
  return reuseKey ? keepsKey(certificate) : undefined;
}

function nameOf({ vault, name }: ObjectRef): string {
  return `${vault}/certificates/${name}`;
}

function at({ vault, name }: ObjectRef): string {
  return `--vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`;
}

function policyCommand(certificate: ObjectRef, change: string): string {
  return `Have a version made by a policy with ${change}: az keyvault certificate show ${at(certificate)} --query policy > policy.json, change it, az keyvault certificate create ${at(certificate)} --policy @policy.json`;
}

function invalid(certificate: ObjectRef, why: string, remedy?: string): RotationError {
  const init: RotationErrorInit = {
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the newest version of ${nameOf(certificate)} cannot be used: ${why}`,
  };
  return new RotationError({
    ...init,
    remedy: remedy ?? `Look at it: az keyvault certificate show ${at(certificate)}`,
  });
}

function notExportable(certificate: ObjectRef): RotationError {
  const why = 'its private key does not leave the vault, so that no reader of the secret could log in with it';
  return invalid(certificate, why, policyCommand(certificate, '"exportable": true'));
}

function keepsKey(certificate: ObjectRef): RotationError {
  const why = 'a new version has the same key as the one before, so that whoever knows the old one goes on knowing it';
  return invalid(certificate, why, policyCommand(certificate, '"reuseKey": false'));
}

function human(message: string, remedy: string): RotationError {
  return new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', message, remedy });
}

function byPerson(certificate: ObjectRef): RotationError {
  return human(
    `${nameOf(certificate)} has no newer version than the secret holds, and its issuer is Unknown: only a person can have it renewed`,
    `az keyvault certificate show ${at(certificate)} --query policy > policy.json; az keyvault certificate create ${at(certificate)} --policy @policy.json; ${merging(certificate)} The sweep then finds the new version.`,
  );
}

function awaitsSignature(certificate: ObjectRef): RotationError {
  return human(`a new version of ${nameOf(certificate)} waits for its request to be signed`, merging(certificate));
}

function merging(certificate: ObjectRef): string {
  return `Have the request signed (az keyvault certificate pending show ${at(certificate)} --query csr --output tsv), and merge the answer: az keyvault certificate pending merge ${at(certificate)} --file <signed certificate>.`;
}

/** Not started again by itself: what an issuer has refused once may cost money twice, and a person may have cancelled it. */
function failed(certificate: ObjectRef, status: string, detail: string | undefined): RotationError {
  return human(
    `the renewal of ${nameOf(certificate)} has ${status === 'failed' ? 'failed' : 'been cancelled'}${detail === undefined ? '' : `: ${detail.split('\n')[0] ?? ''}`}`,
    `Mend the cause, and have it tried again: az keyvault certificate pending delete ${at(certificate)}; then POST /api/rotations for the secret.`,
  );
}
