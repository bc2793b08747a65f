import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hubCertificate } from '../../src/consumers/signalr-certificate/consumer.ts';
import { WEB_PUBSUB } from '../../src/consumers/signalr-certificate/rows.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { makeHub } from '../contract/signalr-certificate.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

const HOST = 'live.sandbox.test';
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names: [HOST], keyType: 'EC' });
});
afterAll(() => cloud.stop());

function hubScene(pinned: string | undefined): Scene {
  const bound = { certificate: 'web', hosts: [HOST], ...(pinned === undefined ? {} : { pinned }) };
  const { resource, hub } = makeHub(cloud, [bound], WEB_PUBSUB);
  const certificate = hub.certificates.get('web-cert');
  const before = cloud.vault.lookUp('kv', 'web', old.version);
  if (certificate !== undefined && before !== undefined) certificate.held = before;
  return {
    resource,
    adapter: (arm) =>
      hubCertificate(WEB_PUBSUB, { arm, clock: cloud.clock, rewritePinned: true, port: cloud.front.port }),
    // Whoever connects at any time meets the old or the new certificate, and never nothing.
    meanwhile: () =>
      expect(cloud.arm.serves(HOST)).toMatchObject([
        { version: expect.stringMatching(`${old.version}|${fresh.version}`) as string },
      ]),
    isDone() {
      expect(certificate).toMatchObject({ provisioningState: 'Succeeded', held: { version: fresh.version } });
      expect(certificate?.properties['keyVaultSecretVersion']).toBe(pinned && fresh.version);
      expect(certificate?.properties).toMatchObject({ someMemberOfNextYear: { enabled: true } });
    },
  };
}

const SCENES = [
  ['a certificate that follows is put again', () => hubScene(undefined), 8],
  ['a certificate is made to name the version', () => hubScene(old.version), 7],
] as const;

describe.each(SCENES)('%s', (_name, make, boundaries) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries));
});
