import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appConfiguration } from '../../src/consumers/app-configuration/consumer.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { configurationDeps, makeStore, PLAIN, referenceTo, SENTINEL } from '../contract/app-configuration.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: ['unused.test'], keyType: 'EC' });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names: ['unused.test'], keyType: 'EC' });
});
afterAll(() => cloud.stop());

function storeScene(version: string | undefined): Scene {
  const reference = {
    key: 'Db:Password',
    label: 'prod',
    tags: { owner: 'shop' },
    ...referenceTo(cloud, 'web', version),
  };
  const { resource, store } = makeStore(cloud, [reference]);
  const deps = { ...configurationDeps(cloud), rewritePinned: true };
  return {
    resource,
    adapter: (arm, wire) => appConfiguration({ ...deps, arm, rest: wire(deps.rest) }),
    // Whoever reads at any time finds a reference to the old or the new version.
    meanwhile: () => expect(store.find('Db:Password', 'prod')?.value).toMatch(/\/secrets\/web/),
    isDone() {
      const uri = cloud.vault.url('web', version && fresh.version).replace(/\/$/, '');
      expect(store.find('Db:Password', 'prod')).toMatchObject({
        value: JSON.stringify({ uri }),
        tags: { owner: 'shop' },
      });
      expect(store.find(SENTINEL, 'prod')?.value).toContain(fresh.version);
      expect(store.find('A:Plain')?.value).toContain(PLAIN);
    },
  };
}

const SCENES = [
  ['a reference that follows is told by the sentinel', () => storeScene(undefined), 7],
  ['a reference is made to name the version', () => storeScene(old.version), 7],
] as const;

describe.each(SCENES)('%s', (_name, make, boundaries) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries, 'control-plane'));
});
