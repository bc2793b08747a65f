/** Keys through the built app: the vault's event, its rotate, and every kind of resource moved on over ARM. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOLLOW_MS } from '../../sandbox/arm/cmk.ts';
import type { Host } from '../../sandbox/host/host.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { failuresOf, startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { blocked, Runbook, type ShownRun } from '../support/runbook.ts';
import { until } from '../support/until.ts';

const DAY = 24 * 3600_000;
const ADDRESSES = [
  'Microsoft.Sql/servers/{name}',
  'Microsoft.Compute/diskEncryptionSets/{name}',
  'Microsoft.DocumentDB/databaseAccounts/{name}',
  'Microsoft.ContainerRegistry/registries/{name}',
];

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp({ parts: ['identity', 'vault', 'eventgrid', 'topic', 'azurite', 'arm'] });
  ({ sandbox } = app);
  host = await app.startHost();
  await sandbox.subscribe(host, { duplicates: 2 });
});

afterAll(() => sandbox.stop());

/** One resource of each kind, in the order of its kind. */
function resources(name: string): readonly string[] {
  const { id } = sandbox.arm.createAccount(name);
  return [id, ...ADDRESSES.map((address) => sandbox.arm.create(address, { name }).id)];
}

const tagsOf = (ids: readonly string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id, n) => [n === 0 ? 'KeyUser' : `KeyUser${n}`, id]));
const versionUrl = (name: string, version: string): string => `${sandbox.vault.keys.url('kv', name)}/${version}`;
const newest = (name: string): string => sandbox.vault.keys.peek('kv', name).at(-1)?.id ?? '';

/** A key that is not due, with its users on it, of which the app has seen that they are. */
async function seedKey(name: string, ids: readonly string[], follows = false): Promise<void> {
  const { id } = sandbox.vault.keys.seed('kv', name, { expiresInMs: 31 * DAY, tags: tagsOf(ids) });
  for (const user of ids) sandbox.arm.encrypt(user, versionUrl(name, id), follows);
  await runOf(name, ({ reason, state }) => reason === 'NewVersion' && state === 'done');
}

/** Thirty days before its end the vault warns of it. */
function warn(): void {
  sandbox.ctx.clock.advance(DAY + 60_000);
}

/** A run of a key that has come so far. */
async function runOf(name: string, is: (run: ShownRun) => boolean): Promise<ShownRun> {
  return until(`the run of ${name}`, async () => (await runbook.runs(`name=${name}`)).find(is));
}

const rotatedBy =
  (why: string) =>
  ({ reason, state }: ShownRun): boolean =>
    reason === why && state === 'done';

test('a key near its expiry is rotated, and five kinds of users that pin a version are moved on', async () => {
  const ids = resources('pinned');
  await seedKey('pinned', ids);
  warn();
  const run = await runOf('pinned', rotatedBy('NearExpiry'));
  expect(run).toMatchObject({
    object: { kind: 'key', name: 'pinned' },
    rotator: 'vault-key',
    to: { version: newest('pinned') },
  });
  expect(sandbox.vault.keys.peek('kv', 'pinned')).toHaveLength(2);
  expect(sandbox.vault.keys.peek('kv', 'pinned').every(({ enabled }) => enabled)).toBe(true);
  expect(ids.map((id) => sandbox.arm.encryptedWith(id))).toEqual(ids.map(() => versionUrl('pinned', newest('pinned'))));
  expect(sandbox.topic.received).toContainEqual(
    expect.objectContaining({ type: 'Keyturn.KeyVersionCreated', subject: 'keys/pinned' }),
  );
});

test('users that follow by themselves are waited for and seen to have followed', async () => {
  const ids = resources('follows');
  await seedKey('follows', ids, true);
  warn();
  const waiting = await runOf('follows', ({ state }) => state === 'waiting');
  expect(waiting).toMatchObject({ step: 'confirm' });
  expect(waiting.steps.at(-1)?.detail).toContain('follows by itself');
  expect(
    sandbox.ctx.traffic.entries.filter(({ system, operation }) => system === 'arm' && /^P.*follows/.test(operation)),
  ).toEqual([]);
  sandbox.ctx.clock.advance(FOLLOW_MS + 60_000);
  const run = await runOf('follows', rotatedBy('NearExpiry'));
  expect(run.steps.at(-1)?.detail).toContain('5 of 5 users');
});

test('a version that a person or the vault’s own policy makes has its users moved on', async () => {
  const ids = resources('foreign');
  await seedKey('foreign', ids);
  // One that has lost its tags: they are put back.
  sandbox.vault.keys.seed('kv', 'foreign');
  await runOf('foreign', (run) => run.state === 'done' && run.to?.version === newest('foreign'));
  expect(sandbox.vault.keys.peek('kv', 'foreign').at(-1)?.tags).toEqual(tagsOf(ids));
  expect(sandbox.arm.encryptedWith(ids[0] ?? '')).toBe(versionUrl('foreign', newest('foreign')));
  expect(sandbox.vault.keys.peek('kv', 'foreign')).toHaveLength(2);
});

test('a user that refuses blocks the run by name and with the command, the rest is done, and it goes on', async () => {
  const ids = resources('refused');
  const [account = '', server = ''] = ids;
  const mend = sandbox.arm.deny('Microsoft.Sql/servers/keys/write', server);
  const unlock = sandbox.arm.lock(account);
  await seedKey('refused', ids);
  warn();
  const run = await runOf('refused', blocked);
  expect(run.blocked?.message).toContain('2 of 5 users');
  expect(run.blocked?.message).toContain('Microsoft.Sql/servers/keys/write');
  expect(run.whatToDo).toContain('az lock list');
  expect(run.whatToDo).toContain('az role assignment create');
  for (const id of ids.slice(2)) expect(sandbox.arm.encryptedWith(id)).toContain(newest('refused'));
  mend();
  unlock();
  expect(await runbook.start('refused', { kind: 'key' })).toBe(run.rotationId);
  await runOf('refused', rotatedBy('NearExpiry'));
  for (const id of ids) expect(sandbox.arm.encryptedWith(id)).toContain(newest('refused'));
});

test('the runbook plans, and lists keys beside secrets', async () => {
  const ids = resources('planned');
  await seedKey('planned', ids);
  const before = sandbox.vault.keys.peek('kv', 'planned').length;
  const { status, json } = await runbook.ask('POST', 'rotations', {
    vault: 'kv',
    name: 'planned',
    kind: 'key',
    dryRun: true,
  });
  expect(status).toBe(200);
  const plan = json as { users: { version?: string; follows: string }[]; calls: string[]; blockedBy: unknown[] };
  expect(plan.users.map(({ version, follows }) => [version, follows])).toEqual(
    ids.map(() => [newest('planned'), 'pinned']),
  );
  // SQL needs two calls: the key is added to the server first.
  expect(plan.calls).toHaveLength(1 + ids.length + 1);
  expect(plan.blockedBy).toEqual([]);
  expect(sandbox.vault.keys.peek('kv', 'planned')).toHaveLength(before);
  const { json: inventory } = await runbook.ask('GET', 'inventory?vault=kv');
  const { objects } = inventory as { objects: { object: { kind: string; name: string }; users?: string[] }[] };
  const found = objects.find(({ object }) => object.name === 'planned' && object.kind === 'key');
  expect(found?.users).toEqual(ids);
});

test('no function has failed', () => {
  expect(failuresOf(host)).toEqual([]);
});
