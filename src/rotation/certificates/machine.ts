import { isPublished } from '../machine.ts';
import type { CertificateOperation } from '../ports.ts';
import type { Run } from '../record.ts';

/*
 * The vault makes the version: by itself, with an issuer's help, or with the answer to its request that a person brings. Nothing is
 * revoked, and no old version is disabled: whoever holds one may serve it to its end.
 *
 *   claim ──▶ set ─────────────▶ test ─────────────▶ refresh ──▶ confirm ──▶ done
 *    intent    the vault makes    the version is       told to     every consumer
 *   journalled the version        as good as the old   consumers   has it
 *
 *   persisted step │ died                              │ re-entered by
 *   ───────────────┼───────────────────────────────────┼──────────────────────────────────────────────────────────────
 *   claim          │ before the intent was journalled  │ deciding again; nothing was done anywhere
 *   set            │ before the vault was asked        │ asking: its last operation is the one from before the intent
 *   set            │ after that, or its answer was     │ following that operation; one that the vault or a person has begun
 *                  │ lost                              │ is as good
 *   set, test      │ once there is a new version       │ verifying it: the newest version is another than the intent's
 *   refresh        │ anywhere                          │ telling again; subscribers know the announcement by its id
 *   confirm        │ anywhere                          │ asking again who is left
 */

export type CertificateAction =
  /** Journal the intent, and ask the vault for a version. */
  | 'ask'
  /** The vault, an issuer or a person is at it. */
  | 'await'
  /** The attempt is over, without a version. */
  | 'failed'
  /** There is a new version, whoever made it. */
  | 'verify'
  | 'refresh'
  /** See whether every consumer has it. */
  | 'follow';

/** What to do next with an open run that has been decided on. Pure. @param operation the vault's last one */
export function nextForCertificate(
  run: Run,
  currentVersion: string,
  operation: CertificateOperation | undefined,
): CertificateAction {
  if (isPublished(run)) {
    // Somebody has made another one since, and its event may be lost.
    if (run.to?.version !== currentVersion) return 'verify';
    return run.step === 'refresh' ? 'refresh' : 'follow';
  }
  if (run.from?.version !== currentVersion) return 'verify';
  if (operation?.status === 'inProgress') return 'await';
  if (operation === undefined || operation.id === run.issuance?.before) return 'ask';
  // Completed, and not to be seen yet: the version is on its way.
  return operation.status === 'completed' ? 'await' : 'failed';
}
