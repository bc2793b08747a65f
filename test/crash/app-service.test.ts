import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeCertificate } from '../../sandbox/arm/services/web/certificates.ts';
import { startSite } from '../../sandbox/arm/services/web/settings.ts';
import { appServiceCertificate } from '../../src/consumers/app-service-certificate/consumer.ts';
import { appServiceReference } from '../../src/consumers/app-service-reference/consumer.ts';
import type { VersionRef } from '../../src/rotation/ports.ts';
import { bindHost, makeCertificate, makeSite } from '../contract/app-service.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { endsTheSame, type Scene } from './consumers.ts';

const HOSTS = ['www.sandbox.test', 'staging.sandbox.test'] as const;
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: HOSTS });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names: HOSTS });
});
afterAll(() => cloud.stop());

/** What a service looked up when the old version was the newest. */
const before = { lookUp: (vault: string, name: string) => cloud.vault.lookUp(vault, name, old.version) };

function siteScene(text: string, more: Readonly<Record<string, string>> = {}): Scene {
  const { resource, site } = makeSite(cloud, { kind: 'functionapp', settings: { ...more, TLS: text } });
  startSite(resource, before, cloud.ctx.clock.now());
  return {
    resource,
    adapter: (arm) => appServiceReference({ arm, restart: 'soft', rewritePinned: true }),
    meanwhile: () => expect(Object.keys(site.settings)).toEqual([...Object.keys(more), 'TLS']),
    isDone() {
      // Not only that App Service has it: the processes were started after that.
      expect(site.environment.get('appsettings/TLS')).toBe(fresh.version);
      expect(site.syncs).toBeGreaterThan(0);
      expect(site.settings).toMatchObject(more);
    },
  };
}

function certificateScene(bindingsFollow: boolean): Scene {
  const { resource, state } = makeCertificate(cloud, 'web');
  takeCertificate(resource, { certificates: before });
  state.bindingsFollow = bindingsFollow;
  const [one, two] = [makeSite(cloud, {}), makeSite(cloud, {}, 'staging')];
  bindHost(one.site, HOSTS[0], state, 'IpBasedEnabled');
  bindHost(two.site, HOSTS[1], state);
  return {
    resource,
    others: [one.resource, two.resource],
    adapter: (arm) => appServiceCertificate({ arm, clock: cloud.clock, port: cloud.front.port }),
    meanwhile() {
      // Whoever connects at any time meets the old or the new certificate, and never nothing.
      const either = expect.stringMatching(`${old.version}|${fresh.version}`) as string;
      for (const host of HOSTS) expect(cloud.arm.serves(host)).toMatchObject([{ version: either }]);
    },
    isDone() {
      expect(one.site.bindings.get(HOSTS[0])).toMatchObject({ sslState: 'IpBasedEnabled', virtualIP: '20.0.0.7' });
      expect(one.site.bindings.get(HOSTS[0])?.seen?.version).toBe(fresh.version);
      expect(two.site.bindings.get(HOSTS[1])?.seen?.version).toBe(fresh.version);
    },
  };
}

const pinned = (): string => `@Microsoft.KeyVault(VaultName=kv;SecretName=web;SecretVersion=${old.version})`;
const follows = (): string => `@Microsoft.KeyVault(SecretUri=${cloud.vault.url('web')})`;

const SCENES = [
  ['an app is told to fetch, and restarted', () => siteScene(follows()), 17, 'resolved-version'],
  ['a setting is made to name the version', () => siteScene(pinned(), { PLAIN: 'x' }), 14, 'resolved-version'],
  ['a certificate is put again', () => certificateScene(true), 7, 'handshake'],
  ['a certificate is put again, and its bindings stay behind', () => certificateScene(false), 11, 'handshake'],
] as const;

describe.each(SCENES)('%s', (_name, make, boundaries, kind) => {
  it('and ends the same wherever it is killed', () => endsTheSame({ cloud, fresh }, make, boundaries, kind));
});
