import type { Problem } from '../../rotation/errors.ts';
import { configInvalid } from '../../rotation/errors.ts';
import type { ObjectRef, Target, TargetInput } from '../../rotation/ports.ts';
import { GUID, splitAddress, type EntraApp } from '../entra/address.ts';

export interface EntraCertificateConfig {
  readonly app: EntraApp;
  /** The certificate of a served vault that the application's next credential is taken from. */
  readonly certificate: ObjectRef;
}

const CERTIFICATE = /^\/certificates\/([0-9a-zA-Z-]{1,127})\/?$/;
const FORM = 'applications/<object id>?certificate=https://<vault>/certificates/<name>';

/** Takes the address apart at its `?certificate=`; undefined when it has none. Pure. */
export function splitSource(address: string): { readonly application: string; readonly url: string } | undefined {
  const [, application = '', url = ''] = /^([^?]*)\?certificate=(.*)$/i.exec(address.trim()) ?? [];
  return url === '' ? undefined : { application, url };
}

/** @returns the certificate that a URL without a version names, or undefined */
export function readCertificate(url: string): ObjectRef | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, origin, pathname, search, hash, username, password } = new URL(url);
  const name = CERTIFICATE.exec(pathname)?.[1];
  if (protocol !== 'https:' || search + hash + username + password !== '' || name === undefined) return undefined;
  return { kind: 'certificate', vault: origin, name: name.toLowerCase() };
}

/**
 * Parses and checks the tags. Pure.
 * @param serves whether the settings serve the vault: no token is sent to any other
 * @param hosts those of Graph and of the token endpoint
 * @throws CONFIG_INVALID with every problem at once, each with the tag's path
 */
export function parseTags(
  input: TargetInput,
  serves: (vault: string) => boolean,
  hosts: readonly string[],
): Target<EntraCertificateConfig> {
  const path = 'tags.ProviderAddress';
  const problems: Problem[] = [];
  const { application = '', url = '' } = splitSource(input.providerAddress) ?? {};
  const app = splitAddress(application);
  const certificate = readCertificate(url);
  if (app === undefined || certificate === undefined) {
    const message = `must be ${FORM}, or appId=<client id>?certificate=…; each id is a GUID, and the certificate has no version`;
    problems.push({ path, message });
  } else if (!serves(certificate.vault)) {
    problems.push({ path, message: `names a certificate in ${certificate.vault}, which KEYTURN_VAULTS does not` });
  }
  const keyId = input.credentialId.trim().toLowerCase();
  if (!GUID.test(keyId)) {
    const message = 'must be the key id (a GUID) that the application has the certificate in the current version under';
    problems.push({ path: 'tags.CredentialId', message });
  }
  if (input.alternateCredentialId !== undefined) {
    const message = 'must be left out: each certificate gets a key id of its own';
    problems.push({ path: 'tags.AlternateCredentialId', message });
  }
  if (app === undefined || certificate === undefined || problems.length > 0) {
    throw configInvalid('the tags of an entra-app-certificate secret are not right', problems);
  }
  return {
    id: `${app.id}?certificate=${certificate.vault}/certificates/${certificate.name}`,
    slots: [],
    current: keyId,
    sources: [certificate],
    endsWithCredential: true,
    hosts: [...hosts, new URL(certificate.vault).host],
    config: { app: app.config, certificate },
  };
}
