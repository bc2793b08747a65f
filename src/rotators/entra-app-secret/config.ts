import type { Problem } from '../../rotation/errors.ts';
import { configInvalid } from '../../rotation/errors.ts';
import type { TargetInput } from '../../rotation/ports.ts';
import { GUID, splitAddress, type EntraApp } from '../entra/address.ts';

export interface ParsedTarget {
  readonly id: string;
  readonly keyId: string;
  readonly config: EntraApp;
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
