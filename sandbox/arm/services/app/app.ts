/** What a container app or a job holds of a vault's secrets, and what its replicas have of them (consumer facts 6). */
import type { Resource, VaultDirectories } from '../../service.ts';
import { at, type Json } from '../bodies.ts';

/** "Within 30 minutes" the service looks for newer versions, once for each app. */
export const SECRET_LAG_MS = 30 * 60_000;

export interface Replica {
  readonly name: string;
  readonly createdMs: number;
  /** By secret, the version that its containers were started with. */
  readonly environment: ReadonlyMap<string, string>;
}

export interface Revision {
  readonly name: string;
  active: boolean;
  readonly template: Json;
  replicas: readonly Replica[];
  readonly wanted: number;
  /** When a restart takes effect. */
  restartMs?: number;
}

export interface App {
  /** As it was made and patched, with the values of its plain secrets. */
  body: Json;
  readonly revisions: Revision[];
  /** By secret, the version that the service has fetched. */
  resolved: Map<string, string>;
  lookedMs: number;
  /** Whether the app's own identity may read the vault. */
  mayRead: boolean;
  /** Whether setting the secrets makes the service look; one public measurement says so. */
  looksWhenSet: boolean;
  /** How long a restart takes. */
  restartTakesMs: number;
  restarts: number;
  provisioningState: string;
  runningStatus: string;
  /** What serves its domains. */
  environment?: Resource;
}

const APPS = new WeakMap<Resource, App>();

/** @throws when it was never made */
export function appOf(resource: Resource): App {
  const app = APPS.get(resource);
  if (app === undefined) throw new Error(`${resource.id} was created, but not made`);
  return app;
}

/** An app that runs, with what the service has fetched when it was made. */
export function makeApp(resource: Resource, body: Json, vault: VaultDirectories, now: Date): App {
  const app: App = {
    ...{ body, revisions: [], resolved: new Map(), lookedMs: now.getTime(), restarts: 0, restartTakesMs: 0 },
    ...{ mayRead: true, looksWhenSet: true, provisioningState: 'Succeeded', runningStatus: 'Running' },
  };
  APPS.set(resource, app);
  look(app, vault, now);
  return app;
}

let replicas = 0;

/** A revision of the app's present template, or of another one. */
export function addRevision(app: App, name: string, now: Date, wanted = 2, template?: Json): Revision {
  const own = template ?? (at(app.body, 'properties', 'template') as Json);
  const revision: Revision = { name, active: true, template: own, replicas: [], wanted };
  app.revisions.push(revision);
  start(app, revision, now.getTime());
  return revision;
}

/** New replicas, with what the service has fetched at that moment; they fetch nothing (azure-container-apps #856). */
export function start({ resolved }: App, revision: Revision, atMs: number): void {
  delete revision.restartMs;
  revision.replicas = Array.from({ length: revision.wanted }, () => {
    replicas += 1;
    return { name: `${revision.name}-${replicas}`, createdMs: atMs, environment: new Map(resolved) };
  });
}

export function secretsOf({ body }: App): readonly Json[] {
  const found = at(body, 'properties', 'configuration', 'secrets');
  return Array.isArray(found) ? (found as Json[]) : [];
}

/** Fetches all references. @returns those that have another version than before */
export function look(app: App, { secrets }: VaultDirectories, now: Date): ReadonlySet<string> {
  app.lookedMs = now.getTime();
  const changed = new Set<string>();
  if (!app.mayRead) return changed;
  for (const secret of secretsOf(app)) {
    const [name, url] = [String(secret['name']), secret['keyVaultUrl']];
    if (typeof url !== 'string') continue;
    const { host, pathname } = new URL(url);
    const [, , object = '', version = ''] = pathname.split('/');
    const seen = secrets?.lookUp(host, object, version === '' ? undefined : version);
    if (seen?.enabled !== true || app.resolved.get(name) === seen.version) continue;
    app.resolved.set(name, seen.version);
    changed.add(name);
  }
  return changed;
}

/** Restarts the revisions that have one of these in their environment (docs: container-apps/manage-secrets.md); files change in place. */
export function restartUsers(app: App, changed: ReadonlySet<string>, now: Date): void {
  for (const revision of app.revisions) {
    const uses = [...changed].some((name) => JSON.stringify(revision.template).includes(`"secretRef":"${name}"`));
    if (revision.active && uses) start(app, revision, now.getTime());
  }
}

/** What has happened by itself until now. */
export function pass(app: App, vault: VaultDirectories, now: Date): void {
  for (const revision of app.revisions) {
    if (revision.restartMs !== undefined && now.getTime() >= revision.restartMs)
      start(app, revision, revision.restartMs);
  }
  if (now.getTime() - app.lookedMs >= SECRET_LAG_MS) restartUsers(app, look(app, vault, now), now);
}
