import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REFERENCE_LAG_MS } from '../../sandbox/arm/services/web/settings.ts';
import type { SiteState } from '../../sandbox/arm/services/web/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { appServiceReference, type ReferenceDeps } from '../../src/consumers/app-service-reference/consumer.ts';
import { withVersion } from '../../src/consumers/app-service-reference/reference-text.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { makeSite } from './app-service.stage.ts';

/** References in the settings of sites, slots and Functions apps, over ARM on the wire. */
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let site: SiteState;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `db-password-${made}`;
  old = await renew();
  cloud.ctx.traffic.clear();
});
afterEach(() => {
  cloud.ctx.faults.clear();
  if (resource as Resource | undefined) cloud.arm.resources.remove(resource.id);
});

const consumer = (settings: Partial<ReferenceDeps> = {}) =>
  appServiceReference({ arm: cloud.client, restart: 'soft', rewritePinned: false, ...settings });
const following = (): string => `@Microsoft.KeyVault(SecretUri=${cloud.vault.url(name)})`;
const pinned = (version: string): string =>
  `@Microsoft.KeyVault(VaultName=kv;SecretName=${name};SecretVersion=${version})`;
async function renew(): Promise<VersionRef> {
  const { object, version } = await cloud.vault.make(name, { names: ['unused.test'], keyType: 'EC' });
  return { object: { ...object, kind: 'secret' }, version };
}
const put = (...state: [state: Parameters<typeof makeSite>[1], slot?: string]): void => {
  ({ resource, site } = makeSite(cloud, ...state));
};
const find = (): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: 'microsoft.web/sites', location: '' }, old.object, cloud.call());
async function one(): Promise<Reference> {
  const [reference, ...more] = await find();
  expect(more).toEqual([]);
  cloud.ctx.traffic.clear();
  return reference as Reference;
}
const confirm = (reference: Reference, version: VersionRef): Promise<Confirmation> =>
  consumer().confirm(reference, version, cloud.call());

/** Pushes as the engine does: again and again, with what the last call said. */
async function pushed(
  reference: Reference,
  version: VersionRef,
  settings: Partial<ReferenceDeps> = {},
): Promise<Refreshed> {
  let now: Refreshed = await consumer(settings).refresh(reference, version, undefined, cloud.call());
  for (let n = 0; n < 90 && now.is === 'running'; n += 1) {
    cloud.ctx.clock.advance(15_000);
    now = await consumer(settings).refresh(reference, version, now.operation, cloud.call());
  }
  return now;
}
const writes = (): readonly string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation.replace(resource.id, '').replace(/\?.*/, ''));

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|a-value-of-its-own/);
  return error;
}

describe('what an app refers to', () => {
  it('is found in its settings and connection strings: those that follow together, those that name a version each', async () => {
    put({
      settings: {
        DB: following(),
        DB_TOO: `@microsoft.keyvault(vaultname=KV;secretname=${name.toUpperCase()})`,
        PINNED: pinned(old.version),
        OTHER: `@Microsoft.KeyVault(SecretUri=${cloud.vault.url(`${name}0`)})`,
        OTHER_VAULT: `@Microsoft.KeyVault(VaultName=kv2;SecretName=${name})`,
        PLAIN: 'a-value-of-its-own',
      },
      connectionStrings: { Main: { value: pinned(old.version), type: 'SQLAzure' } },
    });
    const base = { kind: 'app-service-reference', parent: resource.id, hosts: [] };
    expect(await find()).toEqual([
      { ...base, id: resource.id },
      { ...base, id: `${resource.id}#appsettings/PINNED`, pinned: old.version },
      { ...base, id: `${resource.id}#connectionstrings/Main`, pinned: old.version },
    ]);
    const asked = cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm');
    expect(asked.map(({ operation }) => operation.replace(`${resource.id}/config`, ''))).toEqual([
      'GET /configreferences/appsettings',
      'GET /configreferences/connectionstrings',
    ]);
  });
});

describe('a reference that follows', () => {
  it('is fetched now, and the app restarted when App Service has it', async () => {
    put({ settings: { DB: following(), PLAIN: 'a-value-of-its-own' }, lag: 3 });
    const reference = await one();
    expect(await confirm(reference, old)).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    const fresh = await renew();
    const before = await confirm(reference, fresh);
    expect(before).toMatchObject({ is: 'pending', detail: expect.stringContaining(old.version) as string });
    site.lag = 3;
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual(['POST /config/configreferences/appsettings/refresh', 'POST /restart']);
    expect(site.restarts).toEqual(['soft']);
    expect(site.environment.get('appsettings/DB')).toBe(fresh.version);
    expect(site.settings).toEqual({ DB: following(), PLAIN: 'a-value-of-its-own' });
    const seen = await confirm(reference, fresh);
    expect(seen).toMatchObject({ is: 'adopted', detail: expect.stringContaining(fresh.version) as string });
  });

  it('is not restarted before App Service has the version, which a restart would not fetch', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    site.lag = 1000;
    expect(await pushed(reference, fresh)).toEqual({ is: 'follows' });
    expect(site.restarts).toEqual([]);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
    site.lag = 0;
    cloud.ctx.clock.advance(REFERENCE_LAG_MS);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted' });
    expect(consumer().lagMs.follows).toBe(REFERENCE_LAG_MS);
  });

  it('says that it has begun before it changes anything, so that no restart is forgotten', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    const first = await consumer().refresh(reference, fresh, undefined, cloud.call());
    expect(first).toEqual({ is: 'running', operation: 'begun' });
    expect(writes()).toEqual([]);
  });

  it('of a Functions app gets its triggers read again', async () => {
    put({ kind: 'functionapp,linux', settings: { DB: following() } });
    await pushed(await one(), await renew());
    expect(site.restarts).toEqual(['soft']);
    expect(site.syncs).toBe(1);
  });

  it('of a slot is the slot’s own', async () => {
    put({ settings: { DB: following() } }, 'staging');
    const reference = await one();
    expect(reference.id).toMatch(/\/slots\/staging$/);
    const fresh = await renew();
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    expect(site.environment.get('appsettings/DB')).toBe(fresh.version);
  });

  it('is restarted as the settings say, and a stopped app not at all', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    expect(await pushed(reference, await renew(), { restart: 'full' })).toEqual({ is: 'pushed' });
    expect(site.restarts).toEqual(['full']);
    const third = await renew();
    expect(await pushed(reference, third, { restart: 'none' })).toEqual({ is: 'pushed' });
    const seen = await consumer({ restart: 'none' }).confirm(reference, third, cloud.call());
    expect(seen.detail).toContain('keep the old value');
    site.state = 'Stopped';
    expect(await pushed(reference, await renew())).toEqual({ is: 'pushed' });
    expect(site.restarts).toEqual(['full']);
  });

  it('in a connection string is waited for where App Service knows no way to fetch it now', async () => {
    put({ settings: {}, connectionStrings: { Main: { value: following(), type: 'SQLAzure' } } });
    const reference = await one();
    cloud.ctx.faults.add({
      system: 'arm',
      match: 'connectionstrings/refresh',
      action: { status: 404, body: { error: { code: 'NotFound', message: 'No route.' } } },
    });
    expect(await pushed(reference, await renew())).toEqual({ is: 'follows' });
    cloud.ctx.faults.clear();
    expect(await pushed(reference, await renew())).toEqual({ is: 'pushed' });
  });

  it('may be pushed again, also with another version', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    await pushed(reference, fresh);
    expect(await pushed(reference, fresh)).toEqual({ is: 'pushed' });
    const third = await renew();
    const began = await consumer().refresh(reference, fresh, 'begun', cloud.call());
    expect(began.is).toBe('running');
    expect(await pushed(reference, third)).toEqual({ is: 'pushed' });
    expect(site.environment.get('appsettings/DB')).toBe(third.version);
  });
});

describe('a reference that names a version', () => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    put({ settings: { DB: pinned(old.version) } });
    const reference = await one();
    expect(reference.pinned).toBe(old.version);
    const fresh = await renew();
    const told = await pushed(reference, fresh);
    expect(told).toMatchObject({ is: 'reported', remedy: expect.stringContaining('rewritePinned') as string });
    expect(writes()).toEqual([]);
    expect(await confirm(reference, fresh)).toMatchObject({ is: 'pending' });
  });

  it('is made to name the new one, and nothing else of the app’s settings is lost', async () => {
    const rest = { DB: following(), PLAIN: 'a-value-of-its-own', EMPTY: '', 'Odd:Name__x': 'ü' };
    const uri = `@Microsoft.KeyVault(SecretUri=${cloud.vault.url(name, old.version)}/)`;
    put({
      settings: { ...rest, PINNED: pinned(old.version) },
      connectionStrings: {
        Main: { value: uri, type: 'SQLAzure' },
        More: { value: 'a-value-of-its-own', type: 'Custom' },
      },
    });
    const [, inSettings, inStrings] = await find();
    const fresh = await renew();
    for (const reference of [inSettings, inStrings] as readonly Reference[]) {
      expect(await pushed(reference, fresh, { rewritePinned: true })).toEqual({ is: 'pushed' });
      expect(await confirm(reference, fresh)).toMatchObject({ is: 'adopted' });
    }
    expect(site.settings).toEqual({ ...rest, PINNED: pinned(fresh.version) });
    expect(site.connectionStrings).toEqual({
      Main: { value: uri.replace(old.version, fresh.version), type: 'SQLAzure' },
      More: { value: 'a-value-of-its-own', type: 'Custom' },
    });
    // Writing settings restarts the app already.
    expect(site.restarts).toEqual(['full', 'full']);
    expect(site.environment.get('connectionstrings/Main')).toBe(fresh.version);
  });

  it('keeps the text of the reference but for the version', () => {
    const [a, b] = ['a'.repeat(32), 'b'.repeat(32)];
    expect(
      withVersion(`@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/n/${a.toUpperCase()}/)`, b),
    ).toBe(`@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/n/${b}/)`);
    expect(withVersion(`@Microsoft.KeyVault(VaultName=kv;SecretName=n;SecretVersion=${a})`, b)).toContain(
      `Version=${b})`,
    );
    expect(withVersion(following(), b)).toBeUndefined();
    expect(withVersion('a-value-of-its-own', b)).toBeUndefined();
  });

  it('does not tell a value that the answer to the settings quotes', async () => {
    put({ settings: { PINNED: pinned(old.version), PLAIN: 'a-value-of-its-own' } });
    const reference = await one();
    const body = { error: { code: 'BadRequest', message: "PLAIN: 'a-value-of-its-own' is not allowed" } };
    cloud.ctx.faults.add({ system: 'arm', match: '^PUT', times: 1, action: { status: 400, body } });
    const error = await failure(pushed(reference, await renew(), { rewritePinned: true }));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(site.settings['PLAIN']).toBe('a-value-of-its-own');
  });
});

describe('what goes wrong', () => {
  it.each([
    ['denied', 'ACCESS_DENIED', 'Key Vault Secrets User'],
    ['none', 'ACCESS_DENIED', 'az webapp identity assign'],
  ] as const)('an app whose identity is %s names the grant', async (identity, code, remedy) => {
    put({ settings: { DB: following() } });
    const reference = await one();
    site.identity = identity;
    const error = await failure(pushed(reference, await renew()));
    expect(error).toMatchObject({ code, recovery: 'reconfigure' });
    expect(error.remedy).toContain(remedy);
    expect(site.restarts).toEqual([]);
  });

  it('a version that is disabled is named', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    cloud.vault.disable(name, fresh.version);
    const error = await failure(pushed(reference, fresh));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(error.remedy).toContain('enabled');
  });

  it('an app that was deleted, or a reference that was taken away, is gone', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    const restore = cloud.arm.resources.remove(resource.id);
    for (const operation of [undefined, 'begun', 'asked since 2026-01-01T00:00:00Z']) {
      const gone = await failure(consumer().refresh(reference, fresh, operation, cloud.call()));
      expect(gone).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    }
    restore();
    site.settings = {};
    expect(await failure(confirm(reference, fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(writes()).toEqual([]);
  });

  it('refusals are told apart, each with what to do', async () => {
    put({ settings: { DB: following() } });
    const reference = await one();
    const fresh = await renew();
    const begin = (): Promise<unknown> => consumer().refresh(reference, fresh, 'begun', cloud.call());
    const fault = (match: string, action: Parameters<typeof cloud.ctx.faults.add>[0]['action']): void => {
      cloud.ctx.faults.add({ system: 'arm', match, times: 1, action });
    };
    const deny = cloud.arm.deny('Microsoft.Web/sites/config/write', resource.id);
    const denied = await failure(begin());
    expect(denied).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(denied.remedy).toContain('--role "Website Contributor"');
    deny();
    const throttle = cloud.arm.throttle(resource.id, 7);
    expect(await failure(confirm(reference, fresh))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 7000 });
    throttle();
    fault('^GET', { status: 401, body: { error: { code: 'InvalidAuthenticationToken', message: 'expired' } } });
    expect(await failure(begin())).toMatchObject({ code: 'ACCESS_DENIED', effect: 'none' });
    fault('^POST', { status: 409, body: { error: { code: 'Conflict', message: 'busy' } } });
    expect(await failure(begin())).toMatchObject({ code: 'CONFLICT', recovery: 'retry' });
    fault('^POST', { status: 500 });
    expect(await failure(begin())).toMatchObject({ code: 'UNAVAILABLE', effect: 'unknown' });
    fault('^POST', { drop: 'after' });
    expect(await failure(begin())).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    const over = AbortSignal.abort();
    const aborted = await failure(consumer().refresh(reference, fresh, 'begun', cloud.call(over)));
    expect(aborted).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
  });

  it('a list that is junk holds no references', async () => {
    put({ settings: { DB: following() } });
    for (const body of ['[]', '{"value":[null,{"name":1},{"name":"x","properties":"y"}]}', '']) {
      cloud.ctx.faults.add({ system: 'arm', match: 'configreferences', times: 2, action: { status: 200, body } });
      expect(await find()).toEqual([]);
    }
  });
});
