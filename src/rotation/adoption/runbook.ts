import { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { RotationError } from '../errors.ts';
import type { Discovered, ObjectRef } from '../ports.ts';
import type { Run } from '../record.ts';
import { REQUEST_MS } from '../runbook.ts';
import { newestOf } from './newest.ts';
import type { Adoption } from './record.ts';

/**
 * Where the consumers of an object stand. A certificate and the secret that backs it are one object here.
 * @throws TARGET_NOT_FOUND where nobody has looked for any yet; JOURNAL_INVALID when the row cannot be read
 */
export async function consumersOf(engine: Engine, object: ObjectRef): Promise<Adoption> {
  requireDiscovery(engine);
  const scope = new CallScope(engine.clock, REQUEST_MS);
  for (const kind of ['certificate', 'secret'] as const) {
    const entry = await scope.run('reading who uses it', (call) => engine.adoptions.read({ ...object, kind }, call));
    if (entry !== undefined) return entry.record;
  }
  const { vault, name } = object;
  throw new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'human',
    message: `nobody has looked for the consumers of ${name} in ${vault} yet: they are looked for when it has a new version`,
    remedy: `Look for them now, and bring them to the newest version: POST /api/propagations {"vault":"${vault}","name":"${name}"}`,
  });
}

/** The same for the version that a rotation wrote; undefined where it wrote none yet, or another one has followed. */
export async function consumersOfRun(engine: Engine, object: ObjectRef, run: Run): Promise<Adoption | undefined> {
  if (!engine.discovery.enabled || run.to?.version === undefined) return undefined;
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const entry = await scope.run('reading who uses it', (call) => engine.adoptions.read(object, call));
  return entry?.record.version === run.to.version ? entry.record : undefined;
}

/**
 * Asks for the consumers of an object to be looked for anew and told once more; the work is done from the queue.
 * @returns the version that they are to use
 * @throws what reading the object throws; nothing was enqueued then
 */
export async function pushAgain(engine: Engine, object: ObjectRef): Promise<{ readonly version: string }> {
  requireDiscovery(engine);
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const newest = await newestOf(engine, (what, work) => scope.run(what, work), object);
  const message = { object: newest.object, version: newest.version, again: true };
  await scope.run('enqueueing', (call) => engine.queue.propagate(message, 0, call));
  return { version: newest.version };
}

/** What would be told, and where could not be looked. Read-only. @throws what reading the object and looking around throw */
export async function findConsumers(
  engine: Engine,
  object: ObjectRef,
): Promise<Discovered & { readonly object: ObjectRef; readonly version: string }> {
  requireDiscovery(engine);
  const scope = new CallScope(engine.clock, REQUEST_MS, REQUEST_MS);
  const newest = await newestOf(engine, (what, work) => scope.run(what, work), object);
  const found = await scope.run('looking for its consumers', (call) => engine.discovery.find(newest.object, call));
  return { object: newest.object, version: newest.version, ...found };
}

function requireDiscovery({ discovery }: Engine): void {
  if (discovery.enabled) return;
  throw new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: 'the settings name neither a subscription to look for consumers in nor a channel to tell',
    remedy:
      'Set KEYTURN_SUBSCRIPTIONS to the ids of the subscriptions, and give the app’s identity the role Reader on them: az functionapp config appsettings set --name <app> --resource-group <group> --settings KEYTURN_SUBSCRIPTIONS=<ids>; or name a channel in KEYTURN_CHANNELS (docs/notifications.md)',
  });
}
