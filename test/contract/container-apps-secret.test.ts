import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addRevision, secretsOf, type App } from '../../sandbox/arm/services/app/app.ts';
import type { Json } from '../../sandbox/arm/services/bodies.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { containerAppsSecret } from '../../src/consumers/container-apps-secret/consumer.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { IDENTITY, makeContainerApp, makeJob, type Made } from './container-apps.stage.ts';

/** Secrets of container apps and jobs that come from a vault, over ARM on the wire. */
const PLAIN = 'a-value-of-its-own';
const CYCLE_MS = 35 * 60_000;
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let app: App;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  cloud.ctx.transcript.secret('a plain secret of a container app', PLAIN);
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `db-password-${made}`;
  old = await renew();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

async function renew(): Promise<VersionRef> {
  const { object, version } = await cloud.vault.make(name, { names: ['unused.test'], keyType: 'EC' });
  return { object: { ...object, kind: 'secret' }, version };
}
const consumer = (rewritePinned = false) => containerAppsSecret({ arm: cloud.client, rewritePinned });
const reference = (secret: string, version = ''): Json => ({
  ...{ name: secret, keyVaultUrl: cloud.vault.url(name, version), identity: IDENTITY },
});
const template = (secret: string): Json => ({
  containers: [{ name: 'web', env: [{ name: 'DB', secretRef: secret }] }],
});
const plain: Json = { name: 'plain', value: PLAIN };
const put = (one: Made): void => {
  ({ resource, app } = one);
  cloud.ctx.traffic.clear();
};
async function find(): Promise<readonly Reference[]> {
  const found = await consumer().find({ id: resource.id, type: '', location: '' }, old.object, cloud.call());
  cloud.ctx.traffic.clear();
  return found;
}
const refresh = (one: Reference, version: VersionRef, operation?: string, rewrite = false): Promise<Refreshed> =>
  consumer(rewrite).refresh(one, version, operation, cloud.call());
const confirm = (one: Reference, version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(one, version, cloud.call());
async function pushed(one: Reference, version: VersionRef, rewrite = false): Promise<Refreshed> {
  let now = await refresh(one, version, undefined, rewrite);
  for (let n = 0; n < 40 && now.is === 'running'; n += 1) {
    expect(now.operation).not.toContain(PLAIN);
    cloud.ctx.clock.advance(15_000);
    now = await refresh(one, version, now.operation, rewrite);
  }
  return now;
}
const calls = (): readonly string[] =>
  cloud.ctx.traffic.entries.flatMap(({ operation }) => {
    const [method = '', path = ''] = operation.split(' ');
    return method === 'GET' ? [] : [`${method} ${path.split('/').at(-1) ?? ''}`];
  });
/** The versions that the running containers have of a secret. */
const running = (secret: string): readonly (string | undefined)[] =>
  app.revisions.flatMap(({ replicas }) => replicas.map(({ environment }) => environment.get(secret)));
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|a-value-of/);
  return error;
}

describe('what an app refers to', () => {
  it('is one reference for all that follow and one for each that names a version', async () => {
    const secrets = [reference('db'), reference('again'), reference('fixed', old.version), plain];
    put(makeContainerApp(cloud, { secrets }));
    const base = { kind: 'container-apps-secret', parent: resource.id, hosts: [] };
    expect(await find()).toEqual([
      { ...base, id: resource.id },
      { ...base, id: `${resource.id}#secrets/fixed`, pinned: old.version },
    ]);
    cloud.arm.resources.remove(resource.id);
    put(makeJob(cloud, { secrets: [reference('db')] }));
    expect(await find()).toEqual([{ ...base, id: resource.id, parent: resource.id }]);
  });
});

describe('a secret that follows', () => {
  const everything = (): readonly Json[] => [
    plain,
    reference('db'),
    { name: 'other', keyVaultUrl: cloud.vault.url(name, old.version), identity: 'system' },
  ];

  it('is set again with all others, given to who uses it, and marked; nothing is lost', async () => {
    put(makeContainerApp(cloud, { secrets: everything(), template: template('db') }));
    const before = structuredClone(app.body);
    const [one] = await find();
    const fresh = await renew();
    expect(await pushed(one as Reference, fresh)).toEqual({ is: 'pushed' });
    expect(calls().map((call) => call.replace(/app\d+$/, ''))).toEqual([
      ...['POST listSecrets', 'PATCH ', 'POST restart', 'PATCH '],
    ]);
    expect(secretsOf(app)).toEqual(everything());
    const { tags: _before, ...rest } = before;
    const { tags, ...now } = app.body;
    expect(now).toEqual(rest);
    expect(tags).toEqual({
      owner: 'shop',
      KeyturnRefreshed: expect.stringContaining(`${fresh.version.slice(0, 12)}@20`) as string,
    });
  });

  it.each([true, false])(
    'is adopted when the running containers have it: set secrets are fetched at once: %s',
    async (looks) => {
      put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
      app.looksWhenSet = looks;
      const one = (await find())[0] as Reference;
      const fresh = await renew();
      expect(await pushed(one, fresh)).toEqual({ is: 'pushed' });
      for (let n = 0; n < 60; n += 1) {
        const seen = await confirm(one, fresh);
        if (seen.is === 'adopted') {
          expect(running('db')).toEqual([fresh.version, fresh.version]);
          expect(seen).toMatchObject({ proof: 'control-plane' });
          expect(seen.detail).toContain('which version it has, Azure does not show');
          return;
        }
        cloud.ctx.clock.advance(60_000);
      }
      expect.unreachable('it was never adopted');
    },
  );

  it('is not adopted while a replica from before the restart runs, nor by a push that did not get to its end', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    Object.assign(app, { restartTakesMs: CYCLE_MS * 2, looksWhenSet: false });
    const one = (await find())[0] as Reference;
    const fresh = await renew();
    await refresh(one, fresh);
    expect(await confirm(one, fresh)).toMatchObject({ is: 'pending' });
    cloud.ctx.clock.advance(30_000);
    app.lookedMs = Number.MAX_SAFE_INTEGER;
    expect(await pushed(one, fresh)).toEqual({ is: 'pushed' });
    cloud.ctx.clock.advance(CYCLE_MS);
    expect(await confirm(one, fresh)).toMatchObject({
      ...{ is: 'pending', detail: expect.stringContaining('runs since before') as string },
    });
  });

  it('is not given to anybody before the service has had a minute to fetch it', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    const one = (await find())[0] as Reference;
    const operation = `set since ${cloud.ctx.clock.now().toISOString()}`;
    cloud.ctx.clock.advance(59_000);
    expect(await refresh(one, old, operation)).toEqual({ is: 'running', operation });
    expect(calls()).toEqual([]);
    cloud.ctx.clock.advance(1_000);
    await refresh(one, old, operation);
    expect(app.restarts).toBe(1);
  });

  it('pushed once more is unknown until it is done once more', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    const one = (await find())[0] as Reference;
    const fresh = await renew();
    await pushed(one, fresh);
    cloud.ctx.clock.advance(CYCLE_MS);
    expect(await confirm(one, fresh)).toMatchObject({ is: 'adopted' });
    await refresh(one, fresh);
    cloud.ctx.clock.advance(30_000);
    expect(await confirm(one, fresh)).toMatchObject({ is: 'pending' });
  });

  it('is given to those active revisions that use it as a variable or a file, and to no others', async () => {
    put(makeContainerApp(cloud, { secrets: [plain, reference('db')], template: { containers: [] } }));
    const volume = (secrets?: readonly Json[]): Json => ({ volumes: [{ name: 'v', storageType: 'Secret', secrets }] });
    const templates: Readonly<Record<string, Json>> = {
      file: volume([{ secretRef: 'db', path: 'db' }]),
      all: volume(),
      init: { initContainers: [{ env: [{ name: 'DB', secretRef: 'db' }] }] },
      another: template('plain'),
      empty: { volumes: [{ name: 'v', storageType: 'EmptyDir' }], containers: [] },
    };
    for (const [key, one] of Object.entries(templates)) addRevision(app, key, cloud.ctx.clock.now(), 1, one);
    addRevision(app, 'off', cloud.ctx.clock.now(), 1, template('db')).active = false;
    const before = new Map(app.revisions.map(({ name: key, replicas }) => [key, replicas[0]?.name]));
    app.looksWhenSet = false;
    await pushed((await find())[0] as Reference, await renew());
    const restarted = app.revisions.filter(({ name: key, replicas }) => replicas[0]?.name !== before.get(key));
    expect(restarted.map(({ name: key }) => key)).toEqual(['file', 'all', 'init']);
  });

  it('of a job is set with the whole configuration, and nothing is restarted', async () => {
    put(makeJob(cloud, { secrets: [plain, reference('db')] }));
    const before = structuredClone(app.body['properties']);
    const one = (await find())[0] as Reference;
    const fresh = await renew();
    expect(await pushed(one, fresh)).toEqual({ is: 'pushed' });
    expect(app.body['properties']).toEqual(before);
    expect(app.resolved.get('db')).toBe(fresh.version);
    cloud.ctx.clock.advance(CYCLE_MS);
    expect(await confirm(one, fresh)).toMatchObject({
      ...{ is: 'adopted', detail: expect.stringContaining('executions that run since before') as string },
    });
  });

  it('of an app that is scaled to zero is adopted: whoever starts next has it', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')] }));
    app.revisions.splice(0);
    addRevision(app, 'idle', cloud.ctx.clock.now(), 0, template('db'));
    const one = (await find())[0] as Reference;
    const fresh = await renew();
    await pushed(one, fresh);
    cloud.ctx.clock.advance(CYCLE_MS);
    expect(await confirm(one, fresh)).toMatchObject({ is: 'adopted' });
  });

  it('leaves marks for several versions, and drops the oldest where a tag has no room', async () => {
    const marks = Array.from({ length: 6 }, (_, n) => `${String(n).repeat(12)}@2026-01-01T00:00:00.000Z`);
    const tags = { owner: 'shop', keyturnrefreshed: marks.join(' ') };
    put(makeContainerApp(cloud, { secrets: [reference('db')], tags }));
    const fresh = await renew();
    await pushed((await find())[0] as Reference, fresh);
    const { owner, keyturnrefreshed = '', ...others } = app.body['tags'] as Readonly<Record<string, string>>;
    expect([owner, others]).toEqual(['shop', {}]);
    expect(keyturnrefreshed.length).toBeLessThanOrEqual(256);
    expect(keyturnrefreshed).toContain(marks[5]);
    expect(keyturnrefreshed).toContain(fresh.version.slice(0, 12));
    expect(keyturnrefreshed).not.toContain(marks[0]);
  });
});

describe('a secret that names a version', () => {
  it('is left alone unless the settings allow to name the new one; then the URL itself is the proof', async () => {
    const secrets = [plain, reference('db', old.version), reference('follows')];
    put(makeContainerApp(cloud, { secrets, template: template('db') }));
    const [one] = (await find()).filter(({ pinned }) => pinned !== undefined);
    const fresh = await renew();
    const told = await refresh(one as Reference, fresh);
    expect(told).toMatchObject({ is: 'reported', detail: expect.stringContaining(old.version) as string });
    expect(told).toMatchObject({ remedy: expect.stringContaining('az containerapp secret set') as string });
    expect(calls()).toEqual([]);
    expect(await pushed(one as Reference, fresh, true)).toEqual({ is: 'pushed' });
    expect(secretsOf(app)).toEqual([plain, reference('db', fresh.version), reference('follows')]);
    expect(await confirm(one as Reference, fresh)).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    expect(running('db')).toEqual([fresh.version, fresh.version]);
  });

  it('and one that follows do not take each other’s mark', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('fixed', old.version), reference('db')] }));
    const [fixed, follows] = await find();
    const fresh = await renew();
    await pushed(follows as Reference, fresh);
    cloud.ctx.clock.advance(CYCLE_MS);
    expect(await confirm(follows as Reference, fresh)).toMatchObject({ is: 'adopted' });
    await refresh(fixed as Reference, fresh, undefined, true);
    cloud.ctx.clock.advance(30_000);
    expect(await confirm(fixed as Reference, fresh)).toMatchObject({ is: 'pending' });
    expect(await confirm(follows as Reference, fresh)).toMatchObject({ is: 'adopted' });
  });
});

describe('values that are given out on the way', () => {
  it('are not sent at all where one is missing', async () => {
    put(makeContainerApp(cloud, { secrets: [plain, reference('db')] }));
    const one = (await find())[0] as Reference;
    for (const value of [[], [{ name: 'plain', value: null }], [{ name: 'plain', value: '' }]]) {
      const action = { status: 200, body: { value } };
      cloud.ctx.faults.add({ system: 'arm', match: 'listSecrets', times: 1, action });
      expect(await failure(refresh(one, old))).toMatchObject({ code: 'CONFLICT', recovery: 'retry', effect: 'none' });
    }
    expect(calls().filter((call) => call.startsWith('PATCH'))).toEqual([]);
    // One that somebody has added since is in the list already.
    const added = { name: 'added', value: 'a-value-of-somebody' };
    const action = { status: 200, body: { value: [plain, added] } };
    cloud.ctx.faults.add({ system: 'arm', match: 'listSecrets', times: 1, action });
    expect(await pushed(one, old)).toEqual({ is: 'pushed' });
    expect(secretsOf(app)).toEqual([plain, reference('db'), added]);
  });

  it('are in no error, though the answer quotes them', async () => {
    put(makeContainerApp(cloud, { secrets: [plain, reference('db')] }));
    const one = (await find())[0] as Reference;
    for (const [status, code] of [
      [400, 'CONFIG_INVALID'],
      [409, 'CONFLICT'],
      [500, 'UNAVAILABLE'],
    ] as const) {
      const body = { error: { code: 'Invalid', message: `plain: '${PLAIN}' is not allowed` } };
      cloud.ctx.faults.add({ system: 'arm', match: '^PATCH', times: 1, action: { status, body } });
      expect(await failure(pushed(one, old))).toMatchObject({ code });
    }
    const first = await refresh(one, old);
    const error = { code: 'Invalid', message: `plain: '${PLAIN}' is not allowed` };
    cloud.ctx.faults.add({
      system: 'arm',
      match: '/operations/',
      times: 1,
      action: { status: 200, body: { status: 'Failed', error } },
    });
    const failed = await failure(refresh(one, old, first.is === 'running' ? first.operation : ''));
    expect(failed).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown' });
  });
});

describe('what goes wrong', () => {
  it.each(['at once', 'later'])(
    'an identity that may not read the vault, found out %s, names the grant',
    async (when) => {
      put(makeContainerApp(cloud, { secrets: [reference('db')] }));
      const one = (await find())[0] as Reference;
      if (when === 'at once') app.mayRead = false;
      const push = async (): Promise<Refreshed> => {
        const first = await refresh(one, old);
        app.mayRead = false;
        const operation = first.is === 'running' ? first.operation : '';
        await refresh(one, old, operation);
        return refresh(one, old, operation);
      };
      const error = await failure(push());
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure' });
      expect(error.remedy).toContain('az containerapp identity show');
    },
  );

  it('an app that is stopped is not started, and one without room for a tag is not touched', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')] }));
    const one = (await find())[0] as Reference;
    app.runningStatus = 'Stopped';
    expect(await refresh(one, old)).toMatchObject({
      ...{ is: 'reported', remedy: expect.stringContaining('az containerapp start') as string },
    });
    app.runningStatus = 'Running';
    app.body = { ...app.body, tags: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`tag${n}`, ''])) };
    expect(await refresh(one, old)).toMatchObject({
      ...{ is: 'reported', detail: expect.stringContaining('no room') as string },
    });
    expect(calls()).toEqual([]);
  });

  it('an app that somebody changes just now is left in peace, before the push and before the restart', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    const one = (await find())[0] as Reference;
    app.provisioningState = 'InProgress';
    const since = `set since ${new Date(0).toISOString()}`;
    for (const operation of [undefined, since]) {
      expect(await failure(refresh(one, old, operation))).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    }
    expect(calls()).toEqual([]);
  });

  it('an operation that was canceled or is forgotten says nothing: it is begun again', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    const one = (await find())[0] as Reference;
    const forgotten = `${cloud.arm.origin}/providers/Microsoft.App/operations/0?api-version=2025-07-01`;
    for (const step of ['setting', 'marking']) {
      expect(await refresh(one, old, `${step} ${forgotten}`)).toMatchObject({
        ...{ is: 'running', operation: expect.stringMatching(/^setting https:/) as string },
      });
      cloud.ctx.clock.advance(30_000);
    }
    await pushed(one, old);
    expect(await refresh(one, old, `marking ${forgotten}`)).toEqual({ is: 'pushed' });
    const elsewhere = await failure(refresh(one, old, 'setting https://evil.example/operations/1'));
    expect(elsewhere).toMatchObject({ code: 'JOURNAL_INVALID' });
  });

  it('a secret that was taken away, or comes from elsewhere now, is gone', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')] }));
    const one = (await find())[0] as Reference;
    app.body = { ...app.body, properties: { configuration: { secrets: [plain] } } };
    expect(await failure(refresh(one, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(confirm(one, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });

  it.each(['listSecrets/action', 'revisions/restart/action', 'revisions/read'])(
    'who may not %s is told what to grant',
    async (action) => {
      put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
      const one = (await find())[0] as Reference;
      const allow = cloud.arm.deny(`Microsoft.App/containerApps/${action}`, resource.id);
      const error = await failure(pushed(one, old));
      allow();
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(error.remedy).toContain(`--role "Container Apps Contributor" --scope "${resource.id}"`);
    },
  );

  it('a revision that is gone when it is to be restarted needs no restart', async () => {
    put(makeContainerApp(cloud, { secrets: [reference('db')], template: template('db') }));
    const one = (await find())[0] as Reference;
    const body = { error: { code: 'RevisionNotFound', message: 'gone' } };
    cloud.ctx.faults.add({ system: 'arm', match: '/restart', times: 1, action: { status: 404, body } });
    expect(await pushed(one, old)).toEqual({ is: 'pushed' });
  });
});
