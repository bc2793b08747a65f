import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applicationGateway } from '../../src/consumers/application-gateway/consumer.ts';
import { frontDoor } from '../../src/consumers/front-door/consumer.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { makeGateway, urlsOf } from '../contract/application-gateway.stage.ts';
import { makeProfile, TLS } from '../contract/front-door.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

const HOST = 'www.sandbox.test';
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: [HOST] });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names: [HOST] });
});
afterAll(() => cloud.stop());

/** Whoever connects at any time meets the old or the new certificate, and never nothing. */
function isServed(): void {
  expect(cloud.arm.serves(HOST)).toMatchObject([
    { version: expect.stringMatching(`${old.version}|${fresh.version}`) as string },
  ]);
}

function gatewayScene(url: string): Scene {
  const { resource, gateway } = makeGateway(cloud, { tls: url }, [{ certificate: 'tls', hosts: [HOST] }]);
  const before = cloud.vault.lookUp('kv', 'web', old.version);
  if (before !== undefined) gateway.held.set('tls', before);
  return {
    resource,
    adapter: (arm) => applicationGateway({ arm, clock: cloud.clock, rewritePinned: true }),
    meanwhile: isServed,
    isDone() {
      expect(urlsOf(gateway)[0]).toMatch(/\/secrets\/web\/?$/);
      expect(gateway.body).toMatchObject({ zones: ['1', '2'], tags: { owner: 'shop' } });
      expect(gateway.provisioningState).toBe('Succeeded');
    },
  };
}

function profileScene(): Scene {
  const { resource, profile } = makeProfile(cloud, [
    { secret: 'cert', certificate: 'web', pinned: old.version, hosts: [HOST] },
  ]);
  return {
    resource,
    adapter: (arm) =>
      frontDoor({ arm, clock: cloud.clock, rewritePinned: true, frontDoor: 'push', port: cloud.front.port }),
    // Deployed before the next delivery.
    meanwhile: () => {
      isServed();
      profile.domains.forEach((domain) => (domain.deployedMs = 0));
    },
    isDone() {
      expect([...profile.secrets.keys()]).toEqual([`cert-${fresh.version}`]);
      for (const { tls } of profile.domains.values()) expect(tls).toEqual(TLS);
    },
  };
}

const SCENES: readonly (readonly [name: string, make: () => Scene, boundaries: number])[] = [
  ['a gateway that follows is nudged', () => gatewayScene(cloud.vault.url('web')), 6],
  ['a gateway that names a version is made to follow', () => gatewayScene(cloud.vault.url('web', old.version)), 7],
  ['a profile is given a new secret', profileScene, 27],
];

describe.each(SCENES)('%s', (_name, make, boundaries) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries));
});
