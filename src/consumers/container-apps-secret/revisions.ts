import type { ArmClient } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { listAll } from '../arm-lists.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { REVISIONS } from './access.ts';
import { asking } from './workload.ts';

/** A replica of a revision; undefined where ARM does not say when it was made. */
export interface Replica {
  readonly name: string;
  readonly createdMs: number | undefined;
}

/** The active revisions whose containers get one of these secrets, as an environment variable or a file. Read-only. */
export async function usersOf(
  arm: ArmClient,
  appId: string,
  names: readonly string[],
  call: Call,
): Promise<readonly string[]> {
  const all = await listAll(arm, asking(appId, 'GET', REVISIONS.read, '/revisions'), call);
  return all.flatMap((item) => {
    const [name, properties] = [textIn(item, 'name'), objectIn(item, 'properties')];
    const uses = name !== undefined && properties['active'] === true && isUsedBy(properties['template'], names);
    return uses ? [name] : [];
  });
}

/** Where nothing is shown of its containers, it may use them. */
function isUsedBy(template: unknown, names: readonly string[]): boolean {
  const shown = objectIn(template);
  if (Object.keys(shown).length === 0) return true;
  const containers = [...listIn(shown, 'containers'), ...listIn(shown, 'initContainers')];
  const variables = containers.flatMap((container) => listIn(container, 'env'));
  const volumes = listIn(shown, 'volumes').filter((one) => /^secret$/i.test(textIn(one, 'storageType') ?? ''));
  // A volume that names no secrets has all of them.
  const hasAll = volumes.some((volume) => listIn(volume, 'secrets').length === 0);
  const used = [...variables, ...volumes.flatMap((volume) => listIn(volume, 'secrets'))].map(secretRefIn);
  return hasAll || names.some((name) => used.includes(name));
}

function secretRefIn(entry: Json): string | undefined {
  return textIn(entry, 'secretRef');
}

/** Gives the revision new replicas; one that is gone needs none. May be repeated. @throws as `ArmClient.start` does */
export async function restart(arm: ArmClient, appId: string, revision: string, call: Call): Promise<void> {
  const below = `/revisions/${encodeURIComponent(revision)}/restart`;
  try {
    await arm.start(asking(appId, 'POST', REVISIONS.restart, below), call);
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return;
    throw error;
  }
}

/** Read-only; none of one that is scaled to zero, or gone. @throws as `ArmClient.start` does */
export async function replicasOf(
  arm: ArmClient,
  appId: string,
  revision: string,
  call: Call,
): Promise<readonly Replica[]> {
  const below = `/revisions/${encodeURIComponent(revision)}/replicas`;
  try {
    const all = await listAll(arm, asking(appId, 'GET', REVISIONS.replicas, below), call);
    return all.map((item) => {
      const created = Date.parse(textIn(objectIn(item, 'properties'), 'createdTime') ?? '');
      return { name: textIn(item, 'name') ?? '', createdMs: Number.isNaN(created) ? undefined : created };
    });
  } catch (error) {
    if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return [];
    throw error;
  }
}
