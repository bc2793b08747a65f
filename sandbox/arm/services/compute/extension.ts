/** What the Key Vault extension of a machine has installed, and what it says of itself (consumer facts 8; docs: extensions/key-vault-linux.md). */
import { armProblem } from '../../errors.ts';
import type { Resource, VaultDirectories } from '../../service.ts';
import { at, type Json } from '../bodies.ts';

export interface Extension {
  /** As GET shows them, without what is only shown. */
  properties: Json;
  provisioningState: 'Succeeded' | 'Updating' | 'Failed';
  message: string;
  /** Whether the machine's identity may read the vault. */
  mayRead: boolean;
  isMachineOff: boolean;
  /** Of a scale set: how its instances come to have what its model says. */
  upgrades: 'Automatic' | 'Manual';
  /** Versions, by the URLs that it observes. */
  readonly installed: Map<string, string>;
  lookedMs: number;
  starts: number;
}

const EXTENSIONS = new WeakMap<Resource, Extension>();

/** @throws when it was never installed */
export function extensionOf(resource: Resource): Extension {
  const found = EXTENSIONS.get(resource);
  if (found === undefined) throw new Error(`${resource.id} was created, but not installed`);
  return found;
}

/** An extension with these properties, which takes what it observes at once. */
export function install(resource: Resource, properties: Json, vault: VaultDirectories, now: Date): Extension {
  const found: Extension = {
    ...{ properties, provisioningState: 'Succeeded' as const, message: 'Successfully started Key Vault extension.' },
    ...{
      mayRead: true,
      isMachineOff: false,
      upgrades: 'Automatic' as const,
      installed: new Map(),
      lookedMs: now.getTime(),
      starts: 0,
    },
  };
  EXTENSIONS.set(resource, found);
  poll(found, vault, now);
  return found;
}

function urlsIn(properties: Json): readonly string[] {
  const entries = at(properties, 'settings', 'secretsManagementSettings', 'observedCertificates');
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: unknown) => String(typeof entry === 'string' ? entry : at(entry, 'url')));
}

/** @returns the URLs that could not be had */
function poll(extension: Extension, { certificates }: VaultDirectories, now: Date): readonly string[] {
  extension.lookedMs = now.getTime();
  return urlsIn(extension.properties).filter((url) => {
    if (!URL.canParse(url)) return true;
    const { host, pathname } = new URL(url);
    const [, , name = '', version] = pathname.split('/');
    const seen = certificates?.lookUp(host, name, version === '' ? undefined : version);
    if (!extension.mayRead || seen?.enabled !== true || !seen.exportable) return true;
    extension.installed.set(url, seen.version);
    return false;
  });
}

/** Its own look, every `pollingIntervalInS`; one on a machine that is off does not look. */
export function pollWhenDue(extension: Extension, vault: VaultDirectories, now: Date): void {
  const management = at(extension.properties, 'settings', 'secretsManagementSettings');
  const intervalMs = Number(at(management, 'pollingIntervalInS') ?? 3600) * 1000;
  if (!extension.isMachineOff && now.getTime() >= extension.lookedMs + intervalMs) poll(extension, vault, now);
}

/** Starts anew: with `requireInitialSync` it fails when it cannot have everything, else it has started when it begins to look. */
export function start(extension: Extension, vault: VaultDirectories, now: Date): void {
  extension.starts += 1;
  const missing = poll(extension, vault, now);
  const waits = at(extension.properties, 'settings', 'secretsManagementSettings', 'requireInitialSync') === true;
  const failed = waits && missing.length > 0;
  extension.provisioningState = failed ? 'Failed' : 'Succeeded';
  extension.message = failed
    ? `Failed to download ${missing[0] ?? ''}: ${extension.mayRead ? '404 Not Found' : '403 Forbidden'}.`
    : 'Successfully started Key Vault extension.';
  if (failed) throw armProblem(400, 'VMExtensionProvisioningError', extension.message);
}

/** @param view whether it was asked what it says of itself */
export function shownProperties({ properties, provisioningState, message }: Extension, view: boolean): Json {
  const { protectedSettings: _secret, ...shown } = properties;
  const code = `ProvisioningState/${provisioningState === 'Failed' ? 'failed' : 'succeeded'}`;
  const instanceView = { statuses: [{ code, level: 'Info', displayStatus: code, message }] };
  return { ...shown, provisioningState, ...(view ? { instanceView } : {}) };
}

export function shown(resource: Resource, view: boolean): Json {
  const properties = shownProperties(extensionOf(resource), view);
  return { id: resource.id, name: resource.id.split('/').at(-1), location: 'westeurope', properties };
}
