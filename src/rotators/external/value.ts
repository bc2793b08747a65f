import type { SecretValue } from '../../rotation/ports.ts';

/** The new credential as the endpoint must see it to try it. The only file of the rotator that sees one as text. */
export function valueForEndpoint(value: SecretValue): string {
  return value.reveal();
}
