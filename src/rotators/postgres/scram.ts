import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { RotationError } from '../../rotation/errors.ts';
import type { SecretValue } from '../../rotation/secret-value.ts';

/** PostgreSQL's own default (`scram_iterations`). */
const ITERATIONS = 4096;

const derive = promisify(pbkdf2);

/**
 * The SCRAM-SHA-256 verifier of a password, as PostgreSQL stores it (RFC 5802, RFC 7677; facts D2):
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in base64. `ALTER ROLE … PASSWORD` takes
 * it verbatim, so neither the server nor its log gets to see the password.
 *
 * @throws CONFIG_INVALID for a password that is empty or not printable ASCII. Others would go through SASLprep, in
 *   which servers, drivers and the RFC differ: what is made here might not be what a client proves. Minted values are
 *   always ASCII.
 */
export async function scramVerifier(password: SecretValue, salt: Buffer = randomBytes(16)): Promise<string> {
  if (!/^[\x20-\x7e]+$/.test(password.reveal())) {
    throw new RotationError({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      message:
        'the new password is empty or has characters outside printable ASCII, so no certain SCRAM verifier exists',
      remedy: 'Let Keyturn mint the password: a run of its own always makes one of ASCII characters.',
    });
  }
  const salted = await derive(password.reveal(), salt, ITERATIONS, 32, 'sha256');
  const mac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const storedKey = createHash('sha256').update(mac(salted, 'Client Key')).digest('base64');
  const serverKey = mac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
