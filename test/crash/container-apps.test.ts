import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { look, secretsOf, start } from '../../sandbox/arm/services/app/app.ts';
import { take, type Held } from '../../sandbox/arm/services/app/environment.ts';
import { containerAppsCertificate } from '../../src/consumers/container-apps-certificate/consumer.ts';
import { containerAppsSecret } from '../../src/consumers/container-apps-secret/consumer.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { giveSuffix, makeCertificate, makeContainerApp, makeEnvironment } from '../contract/container-apps.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

const HOST = 'www.sandbox.test';
const SUFFIX = 'apps.sandbox.test';
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  const names = [HOST, `*.${SUFFIX}`];
  old = await cloud.vault.make('web', { names });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names });
});
afterAll(() => cloud.stop());

/** What a service looked up when the old version was the newest. */
const before = { lookUp: (vault: string, name: string) => cloud.vault.lookUp(vault, name, old.version) };

function certificateScene(isSuffix: boolean, url: string): Scene {
  const environment = makeEnvironment(cloud);
  const made = isSuffix ? undefined : makeCertificate(cloud, environment, url);
  const held: Held = made?.held ?? giveSuffix(cloud, environment, SUFFIX, url);
  take(held, { certificates: before });
  held.lag = isSuffix ? 0 : 1;
  const app = makeContainerApp(cloud, { environment, domains: made === undefined ? {} : { [HOST]: made.resource.id } });
  const host = isSuffix ? `${app.resource.names['name'] ?? ''}.${SUFFIX}` : HOST;
  return {
    resource: made?.resource ?? environment.resource,
    others: [environment.resource, app.resource],
    adapter: (arm) =>
      containerAppsCertificate({ arm, clock: cloud.clock, rewritePinned: true, port: cloud.front.port }),
    meanwhile() {
      // Whoever connects at any time meets the old or the new certificate, and never nothing.
      const either = expect.stringMatching(`${old.version}|${fresh.version}`) as string;
      expect(cloud.arm.serves(host)).toMatchObject([{ version: either }]);
    },
    isDone() {
      expect(held).toMatchObject({ keyVaultUrl: expect.stringMatching(/\/web\/?$/) as string });
      expect(held.seen?.version).toBe(fresh.version);
    },
  };
}

/** @param looks whether setting the secrets makes the service fetch */
function secretScene(url: string, looks: boolean): Scene {
  const plain = { name: 'plain', value: 'a-value-of-its-own' };
  const secrets = [plain, { name: 'tls', keyVaultUrl: url, identity: 'system' }];
  const template = { containers: [{ name: 'web', env: [{ name: 'TLS', secretRef: 'tls' }] }] };
  const { resource, app } = makeContainerApp(cloud, { secrets, template });
  look(app, { secrets: before }, cloud.ctx.clock.now());
  for (const revision of app.revisions) start(app, revision, cloud.ctx.clock.now().getTime());
  app.looksWhenSet = looks;
  return {
    resource,
    adapter: (arm) => containerAppsSecret({ arm, rewritePinned: true }),
    // At no time is a value lost, or a reference made a value.
    meanwhile: () =>
      expect(secretsOf(app)).toMatchObject([plain, { name: 'tls', keyVaultUrl: expect.any(String) as string }]),
    isDone() {
      expect(app.resolved.get('tls')).toBe(fresh.version);
      const running = app.revisions.flatMap(({ replicas }) =>
        replicas.map(({ environment }) => environment.get('tls')),
      );
      expect(running).toEqual([fresh.version, fresh.version]);
      expect(app.body['tags']).toMatchObject({ owner: 'shop' });
    },
  };
}

const follows = (): string => cloud.vault.url('web');
const pinned = (): string => cloud.vault.url('web', old.version);

const SCENES = [
  ['a certificate of an environment is put again', () => certificateScene(false, follows()), 7, 'handshake'],
  ['a certificate that names a version is made to follow', () => certificateScene(false, pinned()), 7, 'handshake'],
  ['the certificate of a DNS suffix is sent again', () => certificateScene(true, follows()), 8, 'handshake'],
  [
    'an app is given its secrets again, and finds them by itself',
    () => secretScene(follows(), false),
    36,
    'control-plane',
  ],
  ['a secret is made to name the version', () => secretScene(pinned(), true), 22, 'resolved-version'],
] as const;

describe.each(SCENES)('%s', (_name, make, boundaries, kind) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries, kind));
});
