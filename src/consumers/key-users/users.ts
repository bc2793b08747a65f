import { createArmClient, type ArmClient, type ArmClientDeps, type ArmRequest } from '../../azure/arm/client.ts';
import { configInvalid, RotationError } from '../../rotation/errors.ts';
import type { Call, KeyUse, KeyUser } from '../../rotation/ports.ts';
import type { KeyUserRow, KeyVersionAddress, Move } from './row.ts';
import { COSMOS_USER } from './rows/cosmos.ts';
import { DISK_USER } from './rows/disk.ts';
import { REGISTRY_USER } from './rows/registry.ts';
import { SQL_USER } from './rows/sql.ts';
import { STORAGE_USER } from './rows/storage.ts';
import { objectIn, textIn } from '../json.ts';

/** Every kind of resource that can be moved on to a new version of a key: a new one is one line here. */
export const KEY_USER_ROWS: readonly KeyUserRow[] = [STORAGE_USER, SQL_USER, DISK_USER, COSMOS_USER, REGISTRY_USER];

const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Azure's own rule for the name of a resource group, which also rules out `..`. */
const RESOURCE_GROUP = /^[\p{L}\p{N}_\-.()]{0,89}[\p{L}\p{N}_\-()]$/u;
/** Of `provisioningState`: the resource is at rest, whether or not its last change was a success. */
const AT_REST = ['succeeded', 'failed', 'canceled'];

/** Nothing is reached before a user is read. */
export function createKeyUsers(deps: ArmClientDeps): readonly KeyUser[] {
  const arm = createArmClient(deps);
  return KEY_USER_ROWS.map((row) => keyUser(row, arm));
}

export function keyUser(row: KeyUserRow, arm: ArmClient): KeyUser {
  async function fetch(path: string, call: Call, at = row.path, action = row.reads): Promise<unknown> {
    const verb = { method: 'GET' as const, action, mutates: false };
    const outcome = await arm.send(requestOf(row, path, at, verb), call);
    if ('body' in outcome) return outcome.body;
    throw new TypeError('a read is neither an operation, nor may it find nothing');
  }

  async function isMade(path: string, { path: at, once }: Move, call: Call): Promise<boolean> {
    if (once === undefined) return false;
    try {
      await fetch(path, call, at, once.reads);
      return true;
    } catch (error) {
      if (error instanceof RotationError && error.code === 'TARGET_NOT_FOUND') return false;
      throw error;
    }
  }
  return {
    kind: row.kind,
    claims: (armId) => partsOf(row, armId) !== undefined,
    async read(armId, call) {
      return useIn(row, await fetch(pathOf(row, armId), call));
    },
    describe(armId, key) {
      const path = pathOf(row, armId);
      const to = { ...key, version: '<version>' };
      return row
        .moves({}, to)
        .map((move) => `${move.method} https://${arm.host}${path}${move.path} (to the new version)`);
    },
    async moveOn(armId, key, call) {
      const path = pathOf(row, armId);
      // The services take no condition that would be of use here (If-Match), so the resource is read once more just before.
      const body = await fetch(path, call);
      const { key: used } = useIn(row, body);
      if (used?.vault !== key.vault || used.name !== key.name) throw changedMeanwhile(armId, key);
      for (const move of row.moves(body, key)) {
        // Where each takes longer than a call, repeating the first would never come to the second.
        if (await isMade(path, move, call)) continue;
        const { method, path: at, action, body: change } = move;
        const request = requestOf(row, path, at, { method, action, mutates: true, body: change });
        // What ARM goes on with is not remembered: the next read shows it, and the same calls may be repeated.
        if ('unfinished' in (await arm.send(request, call))) return 'pending';
      }
      return 'moved';
    },
  };
}

function useIn(row: KeyUserRow, body: unknown): KeyUse {
  const state = textIn(objectIn(body, 'properties'), 'provisioningState')?.toLowerCase();
  return { ...row.use(body), ...(state === undefined || AT_REST.includes(state) ? {} : { busy: true }) };
}

type Verb = Pick<ArmRequest, 'method' | 'action' | 'mutates' | 'body'>;

function requestOf(row: KeyUserRow, path: string, at: string, verb: Verb): ArmRequest {
  const query = { 'api-version': row.apiVersion };
  return { ...verb, path: `${path}${at}`, query, scope: decodeURIComponent(path), role: row.role, tag: 'KeyUser' };
}

interface Parts {
  readonly subscription: string;
  readonly group: string;
  readonly name: string;
}

/** Undefined when it is not the id of a resource of the row's type. */
function partsOf(row: KeyUserRow, armId: string): Parts | undefined {
  const [start, subscriptions, subscription = '', groups, group = '', providers, namespace, type, name = '', ...rest] =
    armId.trim().replace(/\/+$/, '').split('/');
  const frame = [start, subscriptions, groups, providers, namespace, type].join('/').toLowerCase();
  const wanted = `/subscriptions/resourcegroups/providers/${row.type}`.toLowerCase();
  return frame === wanted && rest.length === 0 && name !== '' ? { subscription, group, name } : undefined;
}

/** The path in ARM, percent-encoded. @throws CONFIG_INVALID with every problem of the id */
function pathOf(row: KeyUserRow, armId: string): string {
  const parts = partsOf(row, armId);
  if (parts === undefined) throw new TypeError(`${armId} is no ${row.kind}`);
  const { subscription, group, name } = parts;
  const path = 'tags.KeyUser';
  const problems = [
    ...(GUID.test(subscription) ? [] : [{ path, message: 'the subscription id must be a GUID' }]),
    ...(RESOURCE_GROUP.test(group) ? [] : [{ path, message: 'the name of the resource group is none' }]),
    ...(row.name.test(name) ? [] : [{ path, message: `the name is not that of a ${row.kind}` }]),
  ];
  if (problems.length > 0) throw configInvalid(`the user ${armId}`, problems, 'Correct the tag KeyUser of the key.');
  return `/subscriptions/${subscription}/resourceGroups/${encodeURIComponent(group)}/providers/${row.type}/${encodeURIComponent(name)}`;
}

function changedMeanwhile(armId: string, { vault, name }: KeyVersionAddress): RotationError {
  return new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${armId} was just given another key than ${vault}/keys/${name}`,
  });
}
