import type { Blocker } from '../../rotation/ports.ts';
import { listCommand } from '../entra/graph-errors.ts';
import { labelled } from '../entra/graph.ts';
import type { Holding } from './holding.ts';
import type { Application } from './key-credentials.ts';

/* Under which key id an application has a certificate, and whose registration that is. */

/** With `keyId` only if it is that one. */
export function registrationOf({ thumbprint }: Holding, { credentials }: Application, keyId?: string) {
  return credentials.find((one) => one.thumbprint === thumbprint && (keyId === undefined || one.keyId === keyId))
    ?.keyId;
}

/**
 * The key id that this rotation may hand out, where the application has the certificate already:
 *
 *   its name           │ whose it is                                          │ taken
 *   ───────────────────┼──────────────────────────────────────────────────────┼──────────────────────────────────────────
 *   ours, this run's   │ an attempt's whose answer was lost                   │ yes
 *   ours, another run's│ what another secret hands out, and one day removes   │ no
 *   a person's         │ who may remove it, or hand it out by another secret  │ no
 *   none               │ an attempt's, if `addKey` keeps no names [U]; or     │ yes, as `adopted`: the engine makes sure that
 *                      │ a person's                                           │ no other secret hands it out
 *
 * Where none is taken the certificate is registered once more, under a key id of its own. That an application may have one
 * twice is not verified [U]: where Graph refuses it, the run is blocked by its words, and nothing is changed.
 */
export function ownRegistration(
  { thumbprint }: Holding,
  rotationId: string,
  { credentials }: Application,
): { readonly keyId: string; readonly adopted?: true } | undefined {
  const same = credentials.filter((one) => one.thumbprint === thumbprint);
  const own = same.find((one) => labelled(one.displayName).rotationId === rotationId);
  if (own !== undefined) return { keyId: own.keyId };
  const nameless = same.find((one) => one.displayName === '');
  return nameless === undefined ? undefined : { keyId: nameless.keyId, adopted: true };
}

/**
 * After the overlap the certificate that the tag names is removed. Where the value in the vault is another one, that would lock
 * out whoever uses the named one, and leave the one in the vault alive.
 */
export function tagBlockers(named: string, held: Holding | undefined, application: Application): readonly Blocker[] {
  const meant = held === undefined ? undefined : registrationOf(held, application);
  if (held === undefined || registrationOf(held, application, named.toLowerCase()) !== undefined) return [];
  const list = listCommand({ anyId: application.app.anyId, credential: 'certificate' });
  if (meant === undefined) return foreignBlockers(named, application, list);
  const message = `the tag CredentialId says ${named}, but the application has the certificate in the vault under ${meant}`;
  const remedy = `Set the tag CredentialId=${meant} (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=${meant} ...; the certificates are listed by: ${list}`;
  return [{ code: 'CONFIG_INVALID', message, remedy }];
}

/** The application does not have the value's certificate: a forced rotation repairs that, if the tag names none that somebody else uses. */
function foreignBlockers(named: string, { credentials }: Application, list: string): readonly Blocker[] {
  const other = credentials.find(({ keyId }) => keyId === named.toLowerCase());
  // Without a thumbprint it may be the very one.
  if (other === undefined || other.thumbprint === '') return [];
  const message = `the tag CredentialId says ${named}, under which the application has another certificate than the one in the vault, and it would be removed after the overlap`;
  const remedy = `Write the version whose certificate that is, or the key id that the value's certificate had, into the tag (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=<key id> ...; the certificates are listed by: ${list}`;
  return [{ code: 'CONFIG_INVALID', message, remedy }];
}
