/** The refusals that are about certificates (facts A5 and A7). */
import type { HttpProblem } from '../../http.ts';
import { kvError } from '../errors.ts';

export function certificateNotFound(nameOrId: string): HttpProblem {
  return kvError(
    404,
    'CertificateNotFound',
    `A certificate with (name/id) ${nameOrId} was not found in this key vault. If you recently deleted this certificate ` +
      'you may be able to recover it using the correct recovery command. For help resolving this issue, please see ' +
      'https://go.microsoft.com/fwlink/?linkid=2125182',
  );
}

export const pendingNotFound = (name: string): HttpProblem =>
  kvError(404, 'PendingCertificateNotFound', `Pending certificate not found: ${name}`);

export const operationInProgress = (): HttpProblem =>
  kvError(
    409,
    'Forbidden',
    "A new key vault certificate can not be created or imported while a pending key vault certificate's status is inProgress.",
  );

/** The wording is this sandbox's own: no recording was at hand. */
export const notInProgress = (): HttpProblem =>
  kvError(400, 'BadParameter', 'The operation is not in progress any more.');

/** The wording is this sandbox's own, as above. */
export const anotherKey = (): HttpProblem =>
  kvError(
    400,
    'BadParameter',
    'The public key of the end-entity certificate does not match the public part of the pending key.',
  );

export const deletedButRecoverable = (name: string): HttpProblem =>
  kvError(
    409,
    'Conflict',
    `Certificate ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, ` +
      'the certificate can only be recovered or purged.',
    'ObjectIsDeletedButRecoverable',
  );
