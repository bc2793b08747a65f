import type { Problem } from '../../rotation/errors.ts';
import { configInvalid } from '../../rotation/errors.ts';
import type { TargetInput } from '../../rotation/ports.ts';

/** Which application registration; Graph knows it by two ids. */
export interface EntraAppConfig {
  /** Its path in Graph: `/applications/<object id>` or `/applications(appId='<client id>')`. */
  readonly path: string;
  /** For commands: `az ad app` takes either id. */
  readonly anyId: string;
}

export interface ParsedTarget {
  readonly id: string;
  readonly keyId: string;
  readonly config: EntraAppConfig;
}

const GUID_TEXT = '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}';
const GUID = new RegExp(`^${GUID_TEXT}$`);
const BY_OBJECT_ID = new RegExp(`^(?:applications/)?(${GUID_TEXT})$`);
const BY_APP_ID = new RegExp(`^appid=(${GUID_TEXT})$`);

/**
 * Takes the address apart; undefined when it is none. A GUID alone is the object id, as in Microsoft's rotation sample. The
 * two ids of one application give two target ids, since nothing but Graph can tell that they are the same. Pure.
 */
export function splitAddress(address: string): { readonly id: string; readonly config: EntraAppConfig } | undefined {
  const text = address
    .trim()
    .toLowerCase()
    .replace(/^\/|\/$/g, '');
  const [, objectId] = BY_OBJECT_ID.exec(text) ?? [];
  if (objectId !== undefined) {
    const id = `applications/${objectId}`;
    return { id, config: { path: `/${id}`, anyId: objectId } };
  }
  const [, appId] = BY_APP_ID.exec(text) ?? [];
  if (appId === undefined) return undefined;
  return { id: `appId=${appId}`, config: { path: `/applications(appId='${appId}')`, anyId: appId } };
}

/**
 * Parses and checks the tags. Pure.
 * @throws CONFIG_INVALID with every problem at once, each with the tag's path
 */
export function parseTags(input: TargetInput): ParsedTarget {
  const problems: Problem[] = [];
  const address = splitAddress(input.providerAddress);
  if (address === undefined) {
    const message =
      'must be the object id of the application, applications/<object id>, or appId=<client id>; each id is a GUID';
    problems.push({ path: 'tags.ProviderAddress', message });
  }
  const keyId = input.credentialId.trim().toLowerCase();
  if (!GUID.test(keyId)) {
    const message = 'must be the key id (a GUID) of the client secret in the current version';
    problems.push({ path: 'tags.CredentialId', message });
  }
  if (input.alternateCredentialId !== undefined) {
    const message = 'must be left out: each rotation makes a client secret with a key id of its own';
    problems.push({ path: 'tags.AlternateCredentialId', message });
  }
  if (address === undefined || problems.length > 0) {
    throw configInvalid('the tags of an entra-app-secret secret are not right', problems);
  }
  return { ...address, keyId };
}
