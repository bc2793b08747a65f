import { readObjectUrl, type ObjectAddress } from '../object-address.ts';

/* `@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/name/version)`, or `(VaultName=kv;SecretName=name;SecretVersion=…)`. */

const REFERENCE = /^@Microsoft\.KeyVault\((.*)\)$/i;

/** Undefined for every text that is no reference. */
export function addressIn(text: string): ObjectAddress | undefined {
  const inside = REFERENCE.exec(text.trim())?.[1];
  if (inside === undefined) return undefined;
  const fields = fieldsIn(inside);
  const uri = fields.get('secreturi');
  if (uri !== undefined) return readObjectUrl(uri);
  const [vault, name, version] = ['vaultname', 'secretname', 'secretversion'].map((field) => fields.get(field));
  if (!vault || !name) return undefined;
  return { vault, name, ...(version ? { version } : {}) };
}

/** The same reference, to another version. @returns undefined where the text names no version */
export function withVersion(text: string, version: string): string | undefined {
  const old = addressIn(text)?.version;
  if (old === undefined) return undefined;
  // The version is the last thing of its field, and 32 hex digits: no name that stands before it is mistaken for it.
  const at = text.toLowerCase().lastIndexOf(old);
  return `${text.slice(0, at)}${version}${text.slice(at + old.length)}`;
}

/** Names and values, lower case: App Service takes them in any case. */
function fieldsIn(inside: string): ReadonlyMap<string, string> {
  return new Map(
    inside.split(';').map((part) => {
      const [name = '', ...rest] = part.split('=');
      return [name.trim().toLowerCase(), rest.join('=').trim().toLowerCase()];
    }),
  );
}
