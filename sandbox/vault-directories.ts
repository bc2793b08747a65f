/** The simulated vault as the simulated services look things up in it. */
import forge from 'node-forge';
import { X509Certificate } from 'node:crypto';
import type { CertificateSeen } from './certificate-directory.ts';
import type { VaultDirectories } from './arm/service.ts';
import type { VaultService } from './vault/vault.ts';

export function directoriesOf(
  vault: Pick<VaultService, 'certificates' | 'names' | 'peek'>,
): Required<VaultDirectories> {
  /** A vault by its host or its name. */
  const known = (given: string): string | undefined => {
    const name = given.toLowerCase().split('.')[0] ?? '';
    return vault.names.includes(name) ? name : undefined;
  };
  return {
    secrets: {
      lookUp(given, name, version) {
        const at = known(given);
        const versions = at === undefined ? [] : vault.peek(at, name);
        const found = version === undefined ? versions.at(-1) : versions.find(({ id }) => id === version);
        return found && { version: found.id, enabled: found.enabled, createdMs: found.createdMs };
      },
    },
    certificates: {
      lookUp(given, name, version) {
        const at = known(given);
        const stored = at === undefined ? undefined : vault.certificates.find(at, name);
        const found =
          version === undefined ? stored?.versions.at(-1) : stored?.versions.find(({ id }) => id === version);
        if (at === undefined || stored === undefined || found === undefined) return undefined;
        const { key_props: key, secret_props: held } = stored.policy;
        const exportable = key.exportable !== false;
        return {
          ...{ version: found.id, enabled: found.enabled, createdMs: found.createdMs, exportable },
          ...{ keyType: key.kty, contentType: held.contentType },
          certPem: found.chain.map((der) => new X509Certificate(der).toString()).join(''),
          keyPem: exportable ? keyIn(vault.certificates.content(at, name, found.id)) : '',
        } satisfies CertificateSeen;
      },
    },
  };
}

/** The private key of what a certificate's secret holds: PEM, or PKCS#12 in base64. */
function keyIn(content: string): string {
  const [pem] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^-]+-----END \1-----/.exec(content) ?? [];
  if (pem !== undefined) return pem;
  const container = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(forge.util.decode64(content)), '');
  const oids = forge.pki.oids as { readonly pkcs8ShroudedKeyBag: string; readonly keyBag: string };
  for (const bagType of [oids.pkcs8ShroudedKeyBag, oids.keyBag]) {
    const key = container.getBags({ bagType })[bagType]?.[0]?.key;
    if (key) return forge.pki.privateKeyToPem(key);
  }
  throw new Error('there is no RSA key in what the vault holds');
}
