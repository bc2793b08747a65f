import { RotationError, type RotationErrorInit } from '../../rotation/errors.ts';
import type { CertificatePolicy, ObjectRef } from '../../rotation/ports.ts';

/* What is wrong with the certificate that a secret is to follow, and the commands that mend it. */

/** Why the vault would not make a version that the application can be given; undefined: it would. */
export function renewalProblem(
  certificate: ObjectRef,
  { issuer, exportable, reuseKey }: CertificatePolicy,
): RotationError | undefined {
  if (issuer.toLowerCase() === 'unknown') return byPerson(certificate);
  if (!exportable) return notExportable(certificate);
  return reuseKey ? keepsKey(certificate) : undefined;
}

export function nameOf({ vault, name }: ObjectRef): string {
  return `${vault}/certificates/${name}`;
}

function at({ vault, name }: ObjectRef): string {
  return `--vault-name ${new URL(vault).hostname.split('.', 1)[0] ?? ''} --name ${name}`;
}

export function policyCommand(certificate: ObjectRef, change: string): string {
  return `Have a version made by a policy with ${change}: az keyvault certificate show ${at(certificate)} --query policy > policy.json, change it, az keyvault certificate create ${at(certificate)} --policy @policy.json`;
}

export function invalid(certificate: ObjectRef, why: string, remedy?: string): RotationError {
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

export function notExportable(certificate: ObjectRef): RotationError {
  const why = 'its private key does not leave the vault, so that no reader of the secret could log in with it';
  return invalid(certificate, why, policyCommand(certificate, '"exportable": true'));
}

export function keepsKey(certificate: ObjectRef): RotationError {
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

export function awaitsSignature(certificate: ObjectRef): RotationError {
  return human(`a new version of ${nameOf(certificate)} waits for its request to be signed`, merging(certificate));
}

function merging(certificate: ObjectRef): string {
  return `Have the request signed (az keyvault certificate pending show ${at(certificate)} --query csr --output tsv), and merge the answer: az keyvault certificate pending merge ${at(certificate)} --file <signed certificate>.`;
}

/** Not started again by itself: what an issuer has refused once may cost money twice, and a person may have cancelled it. */
export function failed(certificate: ObjectRef, status: string, detail: string | undefined): RotationError {
  return human(
    `the renewal of ${nameOf(certificate)} has ${status === 'failed' ? 'failed' : 'been cancelled'}${detail === undefined ? '' : `: ${detail.split('\n')[0] ?? ''}`}`,
    `Mend the cause, and have it tried again: az keyvault certificate pending delete ${at(certificate)}; then POST /api/rotations for the secret.`,
  );
}
