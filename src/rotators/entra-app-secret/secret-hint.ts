import type { SecretValue } from '../../rotation/ports.ts';
import type { PasswordCredential } from './client.ts';

/**
 * Could this be the text of that secret? Graph's `hint` is its first three characters
 * (learn.microsoft.com/graph/api/resources/passwordcredential); undefined for one that has none.
 */
export function hasHint({ hint }: PasswordCredential, value: SecretValue): boolean | undefined {
  return hint === undefined ? undefined : value.reveal().startsWith(hint.reveal());
}
