import type { Engine } from './engine.ts';
import type { CurrentVersion, Managed } from './ports.ts';
import type { Session } from './session.ts';

/**
 * Versions beyond the retention count are disabled; the newest ones, the current one first of all, are not touched. Of a
 * compromised secret nothing is retained that is older than the version that replaced it: any of them may hold the value
 * that is known, and where nobody can revoke it, the vault at least hands it out no more. May be repeated.
 * @param managed undefined where the tags are gone: then only what is compromised is disabled
 */
export async function disableOldVersions(
  engine: Engine,
  session: Session,
  managed: Managed | undefined,
  current: CurrentVersion,
): Promise<void> {
  const { compromised, from, to } = session.active;
  if (managed === undefined && !compromised) return;
  const versions = await session.call('listing the versions', (call) => engine.vault.versions(session.object, call));
  const ours = versions.findIndex(({ version }) => version === to?.version);
  const kept = compromised && ours >= 0 ? ours + 1 : (managed?.policy.retainVersions ?? versions.length);
  for (const [index, { version, enabled }] of versions.entries()) {
    // Versions of one second are in no order: the compromised one goes wherever it is in the list.
    const old = index >= kept || (compromised && version === from?.version);
    if (!old || !enabled || version === current.version) continue;
    await session.call(`disabling version ${version}`, (call) => engine.vault.disable(session.object, version, call));
  }
}
