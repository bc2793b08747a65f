import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aksSecretsStore } from '../../src/consumers/aks-secrets-store/consumer.ts';
import { vmExtension } from '../../src/consumers/vm-extension/consumer.ts';
import type { ProofKind, VersionRef } from '../../src/rotation/ports.ts';
import { addClass, addWorkload, makeCluster } from '../contract/aks.stage.ts';
import { makeExtension } from '../contract/vm-extension.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: ['unused.test'] });
  fresh = await cloud.vault.make('web', { names: ['unused.test'] });
});
afterAll(() => cloud.stop());

function extensionScene(url: string): Scene {
  const { resource, extension } = makeExtension(cloud, [{ url, certificateStoreName: 'MY' }]);
  extension.installed.set(url, old.version);
  return {
    resource,
    adapter: (arm) => vmExtension({ arm, rewritePinned: true }),
    meanwhile() {
      for (const version of extension.installed.values()) expect([old.version, fresh.version]).toContain(version);
      expect(JSON.stringify(extension.properties)).toContain('"certificateStoreName":"MY"');
    },
    isDone() {
      expect([...extension.installed.values()]).toContain(fresh.version);
      expect(extension.properties).toMatchObject({ settings: { authenticationSettings: {} } });
    },
  };
}

function clusterScene(): Scene {
  const { resource, cluster } = makeCluster(cloud);
  addClass(cluster, { object: 'web' });
  const workloads = ['a', 'b'].map((name) => addWorkload(cloud, cluster, { name }));
  for (const { mounted } of cluster.pods) mounted.set('secret/web', old.version);
  return {
    resource,
    adapter: (arm) => aksSecretsStore({ arm, credential: cloud.credential }),
    meanwhile: () => expect(cluster.pods).toHaveLength(4),
    isDone() {
      expect(cluster.pods.map(({ mounted }) => mounted.get('secret/web'))).toEqual(Array(4).fill(fresh.version));
      // However often it was killed, nobody was made anew twice.
      expect(workloads.map(({ rollouts }) => rollouts)).toEqual([1, 1]);
    },
  };
}

const SCENES: readonly (readonly [name: string, make: () => Scene, boundaries: number, kind: ProofKind])[] = [
  ['an extension that follows is started anew', () => extensionScene(cloud.vault.url('web')), 6, 'control-plane'],
  [
    'an extension that names a version is made to follow',
    () => extensionScene(cloud.vault.url('web', old.version)),
    6,
    'control-plane',
  ],
  ['a cluster’s workloads are made anew', clusterScene, 18, 'resolved-version'],
];

describe.each(SCENES)('%s', (_name, make, boundaries, kind) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries, kind));
});
