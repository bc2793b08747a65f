import type { ArmClient } from '../../azure/arm/client.ts';
import type { Call, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { referenceIsGone } from '../object-address.ts';
import { KIND } from './access.ts';
import { pinnedIsLeft, unresolved } from './refusals.ts';
import { withVersion } from './reference-text.ts';
import { readApp, readTriggersAgain, restartApp, type Restart } from './restart.ts';
import { fetchNow, readSettings, rewrite, type VaultSetting } from './settings.ts';

const HOUR_MS = 3_600_000;

export interface ReferenceDeps {
  readonly arm: ArmClient;
  /** What the app gets once App Service has the version: a restart where it is needed, always, or never. */
  readonly restart: Restart;
  /** Whether a reference that names a version is made to name the new one. */
  readonly rewritePinned: boolean;
}

/*
 *   begun ──fetch──▶ asked ──App Service has the version, restart──▶ restarted ──triggers, of a Functions app──▶ pushed
 *         └─rewrite──▶ rewritten, which restarts ───────────────────────────────────────────────┘
 *
 * That it has begun is kept before anything is done: App Service shows the new version as soon as it has fetched it, and whoever died
 * between fetching and restarting would then find nothing left to do, while the processes have the old value in their environment.
 */
const BEGUN = 'begun';
const ASKED = /^(asked|rewritten|restarted) since (\S+)$/;
/** So long App Service may take to fetch; after that it is left to do so in its own time. */
const PATIENCE_MS = 15 * 60_000;
const SETTLED_MS = 60_000;

/**
 * References to a vault in the settings of App Service and Functions apps, and of their slots. A restart alone fetches nothing
 * (azure-docs #79855 and others): so App Service is told to fetch, and the app is restarted when it has.
 */
export function appServiceReference(deps: ReferenceDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when the app has no such setting any more */
  async function settingsOf(reference: Reference, version: VersionRef, call: Call): Promise<readonly VaultSetting[]> {
    const all = await readSettings(arm, reference.parent, version.object, call);
    const own = all.filter((one) => referenceIdOf(reference.parent, one) === reference.id);
    if (own.length > 0) return own;
    // A reference without its version in the meantime is one that follows, with another id.
    throw referenceIsGone(reference, version);
  }

  /** Tells App Service of the new version, which it then takes its time for. */
  async function tell(
    reference: Reference,
    settings: readonly VaultSetting[],
    version: VersionRef,
    call: Call,
  ): Promise<Refreshed> {
    const { parent: siteId } = reference;
    const stale = settings.filter(({ pinned }) => pinned !== undefined && pinned !== version.version);
    for (const one of stale) await rewrite(arm, siteId, one, (text) => withVersion(text, version.version), call);
    if (stale.length > 0) return { is: 'running', operation: sinceNow('rewritten', call) };
    const collections = [...new Set(settings.map(({ collection }) => collection))];
    const known = await Promise.all(collections.map((one) => fetchNow(arm, siteId, one, call)));
    if (known.includes(true)) return { is: 'running', operation: sinceNow('asked', call) };
    // Told by its own list whether the app is there still; what nobody can push is fetched once a day.
    const isWhole = (await settingsOf(reference, version, call)).every(has(version));
    return isWhole ? { is: 'running', operation: sinceNow('asked', call) } : { is: 'follows' };
  }

  /** Waits for the version, then gives it to the app. */
  async function goOn(
    { parent: siteId }: Reference,
    settings: readonly VaultSetting[],
    version: VersionRef,
    { operation, how, waitedMs }: { operation: string; how: string | undefined; waitedMs: number },
    call: Call,
  ): Promise<Refreshed> {
    const isWhole = settings.every(has(version));
    // What it said before it was told stands there for a while.
    const [trouble] = waitedMs < SETTLED_MS ? [] : settings.flatMap((one) => unresolved(siteId, one, version) ?? []);
    if (trouble?.recovery === 'retry') throw trouble;
    if (!isWhole && trouble === undefined && waitedMs < PATIENCE_MS) return { is: 'running', operation };
    // Those that came are given to the app, whatever holds up the others.
    const isUp = !settings.some(has(version)) || (await bringUp(siteId, how, call));
    if (trouble !== undefined) throw trouble;
    if (!isUp) return { is: 'running', operation: sinceNow('restarted', call) };
    return { is: isWhole ? 'pushed' : 'follows' };
  }

  /** The next step that is not done yet. @returns false where another follows, which the app must be up for */
  async function bringUp(siteId: string, how: string | undefined, call: Call): Promise<boolean> {
    const app = await readApp(arm, siteId, call);
    if (app.isStopped) return true;
    // Writing the settings has restarted it.
    const isRestarted = how === 'restarted' || how === 'rewritten' || deps.restart === 'none';
    if (!isRestarted) await restartApp(arm, siteId, deps.restart, call);
    if (isRestarted && app.hasTriggers) await readTriggersAgain(arm, siteId, call);
    return isRestarted || !app.hasTriggers;
  }

  return {
    kind: KIND,
    // A certificate's secret has the certificate's name and versions.
    objects: ['secret', 'certificate'],
    types: ['microsoft.web/sites', 'microsoft.web/sites/slots'],
    inGraph: false,
    // How soon it fetches when it is told to is not documented [U].
    lagMs: { pushed: HOUR_MS, follows: 24 * HOUR_MS },

    async find({ id: siteId }: FoundResource, object, call) {
      const found = new Map<string, Reference>();
      for (const setting of await readSettings(arm, siteId, object, call)) {
        const id = referenceIdOf(siteId, setting);
        const base = { kind: KIND, id, parent: siteId, hosts: [] };
        found.set(id, setting.pinned === undefined ? base : { ...base, pinned: setting.pinned });
      }
      return [...found.values()];
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const settings = await settingsOf(reference, version, call);
      const [first] = settings;
      const pinned = first?.pinned;
      if (first !== undefined && pinned !== undefined && pinned !== version.version && !deps.rewritePinned) {
        return pinnedIsLeft(reference, first, pinned);
      }
      if (operation === undefined) return { is: 'running', operation: BEGUN };
      const [, how, since] = ASKED.exec(operation) ?? [];
      return since === undefined
        ? tell(reference, settings, version, call)
        : goOn(
            reference,
            settings,
            version,
            { operation, how, waitedMs: call.now().getTime() - Date.parse(since) },
            call,
          );
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const settings = await settingsOf(reference, version, call);
      const names = settings.map(({ name }) => name).join(', ');
      const late = settings.find((one) => !has(version)(one));
      if (late !== undefined) {
        const { name, status, active = 'none that it tells' } = late;
        return { is: 'pending', detail: `the setting ${name} of ${reference.parent} is ${status}, version ${active}` };
      }
      const detail = `App Service has resolved ${names} of ${reference.parent} to version ${version.version}`;
      const running = deps.restart === 'none' ? '; processes that were running before keep the old value' : '';
      return { is: 'adopted', proof: 'resolved-version', detail: `${detail}${running}` };
    },
  };
}

function sinceNow(what: 'asked' | 'rewritten' | 'restarted', call: Call): string {
  return `${what} since ${call.now().toISOString()}`;
}

/** All settings that follow are fetched together, and are one reference; each that names a version is one of its own. */
function referenceIdOf(siteId: string, { collection, name, pinned }: VaultSetting): string {
  return pinned === undefined ? siteId : `${siteId}#${collection}/${name}`;
}

function has({ version }: VersionRef): (setting: VaultSetting) => boolean {
  return ({ status, active, pinned }) =>
    status === 'Resolved' &&
    active === version.toLowerCase() &&
    (pinned === undefined || pinned === version.toLowerCase());
}
