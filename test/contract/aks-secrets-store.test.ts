import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mount, type Cluster } from '../../sandbox/arm/services/containers/cluster.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { aksSecretsStore } from '../../src/consumers/aks-secrets-store/consumer.ts';
import { LIST } from '../../src/consumers/aks-secrets-store/kubectl.ts';
import { objectsIn } from '../../src/consumers/aks-secrets-store/objects.ts';
import { createConsumers } from '../../src/consumers/registry.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { addClass, addPod, addWorkload, makeCluster, objectsText } from './aks.stage.ts';

/** SecretProviderClasses of clusters, by run commands over ARM on the wire. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let cluster: Cluster;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `db-password-${made}`;
  old = await renew();
  ({ resource, cluster } = makeCluster(cloud));
});
afterEach(() => {
  cloud.ctx.faults.clear();
  cloud.arm.resources.remove(resource.id);
});

const consumer = () => aksSecretsStore({ arm: cloud.client, credential: cloud.credential });
async function renew(): Promise<VersionRef> {
  const { object, version } = await cloud.vault.make(name, { names: ['unused.test'], keyType: 'EC' });
  return { object: { ...object, kind: 'secret' }, version };
}
const find = ({ object } = old): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: '', location: '' }, object, cloud.call());
async function one(): Promise<Reference> {
  const [reference, ...more] = await find();
  expect(more).toEqual([]);
  cluster.commands.length = 0;
  return reference as Reference;
}
const refresh = (reference: Reference, version: VersionRef, operation?: string): Promise<Refreshed> =>
  consumer().refresh(reference, version, operation, cloud.call());
async function pushed(reference: Reference, version: VersionRef): Promise<Refreshed> {
  let now = await refresh(reference, version);
  for (let n = 0; n < 20 && now.is === 'running'; n += 1) now = await refresh(reference, version, now.operation);
  return now;
}
const confirm = (reference: Reference, version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(reference, version, cloud.call());
const patches = (): readonly string[] => cluster.commands.filter((command) => !command.startsWith('kubectl get'));
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ/);
  return error;
}
const containing = (text: string): string => expect.stringContaining(text) as string;

describe('what a cluster refers to', () => {
  it('is found in its classes, whatever their namespace; those of another vault, type or object are not ours', async () => {
    addClass(cluster, { object: name });
    addClass(cluster, { object: name.toUpperCase(), version: old.version, name: 'pinned', vault: 'KV' });
    addClass(cluster, { object: name, name: 'other-vault', vault: 'kv2' });
    addClass(cluster, { object: `${name}0`, name: 'other-object' });
    addClass(cluster, { object: name, name: 'public-part', type: 'cert' });
    const base = { kind: 'aks-secrets-store', parent: resource.id, hosts: [] };
    const [follows, pinned] = [
      { ...base, id: `${resource.id}#shop/web` },
      { ...base, id: `${resource.id}#shop/pinned`, pinned: old.version },
    ];
    expect(await find()).toEqual([follows, pinned]);
    expect(cluster.commands).toEqual([LIST]);
    const certificate: VersionRef = { ...old, object: { ...old.object, kind: 'certificate' } };
    expect(await find(certificate)).toEqual([follows, pinned, { ...base, id: `${resource.id}#shop/public-part` }]);
  });

  it('is nothing where the driver is not installed', async () => {
    cluster.hasDriver = false;
    expect(await find()).toEqual([]);
  });

  it('is not even asked for unless the settings say so', () => {
    const kinds = (aks: 'off' | 'restart'): readonly string[] => {
      const deps = { credential: cloud.credential, armEndpoint: cloud.arm.origin, clock: cloud.clock };
      const follow = { rewritePinned: false, frontDoor: 'follow', apiManagement: 'follow', restart: 'soft' } as const;
      const settings = { ...follow, sentinel: false, configurationSuffix: 'azconfig.sandbox.test' } as const;
      return createConsumers({ ...deps, ...settings, aks }).map(({ kind }) => kind);
    };
    expect(kinds('off')).not.toContain('aks-secrets-store');
    expect(kinds('restart')).toContain('aks-secrets-store');
  });

  it('that cannot be read is a gap where it might be ours, and nothing where it cannot', async () => {
    addClass(cluster, { object: name, text: `array: *anchor # ${name}` });
    expect(await failure(find())).toMatchObject({ code: 'HUMAN_REQUIRED', message: containing('web of shop') });
    cluster.classes.splice(0);
    addClass(cluster, { object: 'other', text: 'array: *anchor' });
    expect(await find()).toEqual([]);
  });

  it.each([
    ['block texts', objectsText({ object: 'a', type: 'cert' }), [{ name: 'a', type: 'cert' }]],
    [
      'block texts of Helm',
      'array:\n- |-\n  objectType: Secret # here\n  objectName: "a"\n\n  objectVersion: ""\n- |\n  # none\n  objectName: b\n  objectType: key\n  objectVersion: AB',
      [
        { name: 'a', type: 'secret' },
        { name: 'b', type: 'key', version: 'ab' },
      ],
    ],
    [
      'quoted texts',
      `"array":\n- "objectName: a\\nobjectType: secret\\n"\n- '"objectName": "it''s"'\n`,
      [
        { name: 'a', type: 'secret' },
        { name: "it's", type: '' },
      ],
    ],
    [
      'what Terraform writes',
      '"array":\n- |\n  "objectName": "a"\n  "objectType": "secret"\n',
      [{ name: 'a', type: 'secret' }],
    ],
    ['a list in one line', 'array: ["objectName: a\\nobjectType: secret"]', [{ name: 'a', type: 'secret' }]],
    ['JSON', '{"array":["{\\n\\"objectName\\": \\"a\\"\\n}"]}', [{ name: 'a', type: '' }]],
    ['maps', 'array:\n  - objectName: a\n    objectType: secret', [{ name: 'a', type: 'secret' }]],
    ['nothing', 'array:\n', []],
    ['what is none of these', 'objectName: a', undefined],
    ['an anchor', 'array: *a', undefined],
  ])('is read from %s', (_what, text, objects) => {
    expect(objectsIn(text)).toEqual(objects);
  });
});

describe('a class that follows', () => {
  it('gets its workloads made anew, and no others', async () => {
    addClass(cluster, { object: name });
    addClass(cluster, { object: `${name}0`, name: 'other' });
    const own = (['Deployment', 'StatefulSet', 'DaemonSet'] as const).map((kind) =>
      addWorkload(cloud, cluster, { name: kind.toLowerCase(), kind, object: name }),
    );
    const other = addWorkload(cloud, cluster, { name: 'other' }, 'other');
    const reference = await one();
    expect(await confirm(reference, old)).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    const fresh = await renew();
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing(old.version) });
    expect(patches()).toEqual([]);
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(own.map(({ rollouts }) => rollouts)).toEqual([1, 1, 1]);
    expect(other).toMatchObject({ rollouts: 0, annotations: {} });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', detail: containing('6 pods') });
    // Once more, and nobody loses a pod for it.
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(own.map(({ rollouts }) => rollouts)).toEqual([1, 1, 1]);
  });

  it('is pushed although the driver was quicker: the files are new, the environment of the processes is not', async () => {
    addClass(cluster, { object: name });
    const workload = addWorkload(cloud, cluster, { name: 'web', object: name });
    const reference = await one();
    const fresh = await renew();
    for (const pod of cluster.pods) mount(cluster, pod, { secrets: cloud.vault });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing('Deployment web') });
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(workload.rollouts).toBe(1);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted' });
  });

  it('with pods of nobody’s is left to the driver', async () => {
    addClass(cluster, { object: name });
    const reference = await one();
    expect(await confirm(reference, old)).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    addPod(cloud, cluster, 'job-1', 'web');
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toEqual({ is: 'follows' });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing('job-1') });
    for (const pod of cluster.pods) mount(cluster, pod, { secrets: cloud.vault });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted', detail: containing('no workload') });
  });

  it('with several versions of an object is judged by the newest', async () => {
    addClass(cluster, { object: name });
    addPod(cloud, cluster, 'one', 'web');
    cluster.pods[0]?.mounted.clear();
    cluster.pods[0]?.mounted.set(`secret/${name}/0`, old.version).set(`secret/${name}/1`, 'a'.repeat(32));
    expect(await confirm(await one(), old)).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
  });
});

describe('a class that names a version', () => {
  it('is reported: what a person keeps elsewhere is not changed in the cluster', async () => {
    addClass(cluster, { object: name, version: old.version });
    const workload = addWorkload(cloud, cluster, { name: 'web', object: name });
    const reference = await one();
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toMatchObject({ is: 'reported', remedy: containing('objectVersion') });
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending', detail: containing(old.version) });
    expect(workload.rollouts).toBe(0);
  });
});

describe('what is given to the shell', () => {
  it.each(['shop/web; rm -rf /', 'shop/$(id)', "shop/web'", 'sh op/web', '-n/web', '/', 'shop/web\nid', 'SHOP/web'])(
    'is no name that is none: %s',
    async (end) => {
      const reference = { kind: 'aks-secrets-store', id: `${resource.id}#${end}`, parent: resource.id, hosts: [] };
      for (const attempt of [refresh(reference, old), confirm(reference, old)])
        expect(await failure(attempt)).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
      expect(cluster.commands).toEqual([]);
    },
  );

  it('is no name of a workload, and no version, that is none', async () => {
    addClass(cluster, { object: name });
    addWorkload(cloud, cluster, { name: '$(id)', object: name });
    const reference = await one();
    expect(await failure(pushed(reference, await renew()))).toMatchObject({ code: 'CONFIG_INVALID' });
    cluster.workloads.splice(0);
    addWorkload(cloud, cluster, { name: 'web', object: name });
    expect(await failure(pushed(reference, { ...old, version: "1' && id" }))).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(patches()).toEqual([]);
  });
});

describe('what goes wrong', () => {
  it.each([
    [{ isStopped: true }, 'HUMAN_REQUIRED', 'az aks start'],
    [{ disableRunCommand: true }, 'HUMAN_REQUIRED', '--enable-run-command'],
    [{ mayRun: false }, 'ACCESS_DENIED', 'RBAC Cluster Admin'],
  ])('a cluster that is %o is named with what to do', async (state, code, remedy) => {
    Object.assign(cluster, state);
    const error = await failure(find());
    expect(error).toMatchObject({ code });
    expect(error.remedy).toContain(remedy);
  });

  it('a cluster that takes its time keeps nobody else from being found, and is asked again later', async () => {
    cloud.ctx.faults.add({
      system: 'arm',
      match: '/operations/',
      action: { status: 202, headers: { 'retry-after': '40' } },
    });
    const error = await failure(find());
    expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', retryAfterMs: 60_000 });
  });

  it('a command that could not be scheduled, and output that is not whole, are told apart', async () => {
    const properties = { provisioningState: 'Failed', reason: 'pod could not be scheduled' };
    cloud.ctx.faults.add({ system: 'arm', match: '/operations/', action: { status: 200, body: { properties } } });
    expect(await failure(find())).toMatchObject({ code: 'UNAVAILABLE', message: containing('scheduled') });
    cloud.ctx.faults.clear();
    addClass(cluster, { object: 'large', text: 'x'.repeat(600_000) });
    expect(await failure(find())).toMatchObject({ code: 'HUMAN_REQUIRED', message: containing('512 kB') });
  });

  it('an answer that quotes the token of a cluster with Entra log-in is not told', async () => {
    cluster.isEntra = true;
    const token = Buffer.from('{"aud":"a"}').toString('base64url');
    const body = { error: { code: 'BadRequest', message: `clusterToken ${token} is not valid` } };
    cloud.ctx.faults.add({ system: 'arm', match: '^POST .*/runCommand', times: 1, action: { status: 400, body } });
    expect(token).toMatch(/^eyJ/);
    expect(await failure(find())).toMatchObject({ code: 'CONFIG_INVALID', message: containing('left out') });
    expect(await find()).toEqual([]);
  });

  it('a workload that is deleted in between is no reason to give up the others', async () => {
    addClass(cluster, { object: name });
    const [first, second] = ['a', 'b'].map((own) => addWorkload(cloud, cluster, { name: own, object: name }));
    const reference = await one();
    const fresh = await renew();
    let now = await refresh(reference, fresh);
    while (now.is === 'running' && now.operation.startsWith('looking'))
      now = await refresh(reference, fresh, now.operation);
    cluster.workloads.splice(0, 1);
    for (let n = 0; n < 20 && now.is === 'running'; n += 1) now = await refresh(reference, fresh, now.operation);
    expect(now).toEqual({ is: 'pushed' });
    expect([first?.rollouts, second?.rollouts]).toEqual([0, 1]);
  });

  it('a class that is deleted, or has another object, is gone; a forgotten result is looked for anew', async () => {
    addClass(cluster, { object: name });
    const reference = await one();
    const forgotten = `restarting ${cloud.arm.origin}/providers/Microsoft.ContainerService/operations/0`;
    expect(await refresh(reference, old, forgotten)).toMatchObject({ is: 'running', operation: containing('looking') });
    const elsewhere = refresh(reference, old, 'looking https://evil.example/operations/1');
    expect(await failure(elsewhere)).toMatchObject({ code: 'JOURNAL_INVALID' });
    cluster.classes.splice(0);
    addClass(cluster, { object: 'another' });
    expect(await failure(pushed(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    cluster.classes.splice(0);
    expect(await failure(pushed(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(await failure(confirm(reference, old))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });
});
