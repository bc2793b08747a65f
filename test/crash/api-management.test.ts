import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collection } from '../../sandbox/arm/services/api-management/entities.ts';
import { apiManagementCertificate } from '../../src/consumers/api-management-certificate/consumer.ts';
import { apiManagementHost } from '../../src/consumers/api-management-host/consumer.ts';
import { apiManagementNamedValue } from '../../src/consumers/api-management-named-value/consumer.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { keptOf, makeEntity, makeService, urlsOf } from '../contract/api-management.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

const HOST = 'api.sandbox.test';
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  await cloud.vault.make('uploaded', { names: ['uploaded.sandbox.test'], keyType: 'EC' });
  old = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
  cloud.ctx.clock.advance(60_000);
  fresh = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
});
afterAll(() => cloud.stop());

function hostScene(url: string): Scene {
  const { resource, service } = makeService(cloud, [{ host: HOST, url }, { host: 'uploaded.sandbox.test' }]);
  const before = cloud.vault.lookUp('kv', 'web', old.version);
  if (before !== undefined) service.hosts.slice(1, 2).forEach((host) => (host.held = before));
  const whole = keptOf(service);
  return {
    resource,
    adapter: (arm) =>
      apiManagementHost({
        ...{ arm, clock: cloud.clock, rewritePinned: true, apiManagement: 'push', port: cloud.front.port },
      }),
    meanwhile() {
      // Whoever connects at any time meets the old or the new certificate, and never nothing.
      const either = expect.stringMatching(`${old.version}|${fresh.version}`) as string;
      expect(cloud.arm.serves(HOST)).toMatchObject([{ version: either }]);
      expect(cloud.arm.serves('uploaded.sandbox.test')).toHaveLength(1);
    },
    isDone() {
      expect(keptOf(service)).toEqual(whole);
      expect(urlsOf(service)[1]).toMatch(/\/secrets\/web\/?$/);
      // An update takes long: whoever dies in it finds out that it was made, and does not make it twice.
      expect(service.updates).toBe(1);
    },
  };
}

/** It holds the old version, read when that was the newest. */
function entityScene(collection: Collection, consumer: typeof apiManagementNamedValue, url: string): Scene {
  const { resource } = makeService(cloud, []);
  const entity = makeEntity(cloud, resource, collection, url);
  const held = cloud.vault.lookUp('kv', 'web', old.version);
  const at = new Date(fresh.createdOn?.getTime() ?? 0).toISOString();
  Object.assign(entity, { held, lastStatus: { code: 'Success', timeStampUtc: at } });
  const { more, keyVault: { secretIdentifier: _url, ...rest } = {} } = entity;
  return {
    resource,
    adapter: (arm) => consumer({ arm, rewritePinned: true }),
    meanwhile: () => expect([old.version, fresh.version]).toContain(entity.held?.version),
    isDone() {
      expect(entity.held?.version).toBe(fresh.version);
      expect(entity.more).toEqual(more);
      expect(entity.keyVault).toMatchObject(rest);
      expect(entity.keyVault?.['secretIdentifier']).toMatch(/\/secrets\/web\/?$/);
    },
  };
}

const namedValue = (url: string): Scene => entityScene('namedValues', apiManagementNamedValue, url);
const certificate = (url: string): Scene => entityScene('certificates', apiManagementCertificate, url);

const SCENES = [
  ['a service whose host follows is updated', () => hostScene(cloud.vault.url('web')), 7, 'handshake'],
  [
    'a host that names a version is made to follow',
    () => hostScene(cloud.vault.url('web', old.version)),
    7,
    'handshake',
  ],
  ['a named value is told to look', () => namedValue(cloud.vault.url('web')), 7, 'control-plane'],
  ['a named value is made to follow', () => namedValue(cloud.vault.url('web', old.version)), 7, 'control-plane'],
  ['a certificate is told to look', () => certificate(cloud.vault.url('web')), 5, 'resolved-version'],
  ['a certificate is made to follow', () => certificate(cloud.vault.url('web', old.version)), 5, 'resolved-version'],
] as const;

describe.each(SCENES)('%s', (_name, make, boundaries, kind) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries, kind));
});
