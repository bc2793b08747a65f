import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Application, ClientSecret } from '../../sandbox/graph/applications.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Call, type Issued, type Rotator, type Target } from '../../src/rotation/ports.ts';
import type { EntraApp } from '../../src/rotators/entra/address.ts';
import { entraAppSecretRotator } from '../../src/rotators/entra-app-secret/rotator.ts';
import { startEntraCloud, type EntraCloud } from '../support/entra-cloud.ts';

const DAY = 24 * 3600_000;

/** Client secrets over Graph and the token endpoint on the wire: what the shared contract suite does not ask. */
describe('the entra-app-secret rotator on the wire', () => {
  let cloud: EntraCloud;
  let rotator: Rotator<EntraApp>;
  let target: Target<EntraApp>;
  let app: Application;
  let secret: ClientSecret;
  let current: Issued;
  let made = 0;
  const call = (): Call => ({ signal: new AbortController().signal, now: () => cloud.ctx.clock.now() });

  beforeAll(async () => {
    cloud = await startEntraCloud();
    rotator = entraAppSecretRotator(cloud.deps);
  });
  afterAll(() => cloud.stop());

  beforeEach(() => {
    made += 1;
    ({ app, secret } = cloud.graph.createApplication(`wire${made}`));
    target = rotator.parseTarget({ providerAddress: app.id, credentialId: secret.keyId });
    current = { credentialId: secret.keyId, slot: secret.keyId, value: new SecretValue(secret.text) };
    cloud.graph.applications.propagationMs = 4_000;
    cloud.ctx.faults.clear();
    cloud.ctx.traffic.clear();
  });

  const expiresOn = (): Date => new Date(cloud.ctx.clock.now().getTime() + 90 * DAY);
  async function set(how: { current?: Issued; expiresOn?: Date } = {}): Promise<Issued> {
    const issued = await rotator.set(target, { rotationId: 'run-1', slot: '', current, ...how }, call());
    if (issued === 'pending') throw new Error('a text that is told once cannot be waited for');
    return issued;
  }
  const wire = (): string[] =>
    cloud.ctx.traffic.entries
      .filter(({ system }) => system === 'graph' || system === 'login')
      .map(
        ({ system, operation, outcome }) => `${system} ${operation.split('/').at(-1)?.split(' ')[0] ?? ''} ${outcome}`,
      );

  async function failure(attempt: Promise<unknown>): Promise<RotationError> {
    const error: unknown = await attempt.then(
      () => new Error('it did not fail'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof RotationError)) throw error;
    return error;
  }

  it('makes one more secret with the name of the run, and leaves the others alone', async () => {
    const issued = await set({ expiresOn: expiresOn() });
    expect(app.secrets).toHaveLength(2);
    expect(app.secrets[0]).toEqual(secret);
    expect(app.secrets[1]).toMatchObject({ keyId: issued.credentialId, displayName: 'keyturn run-1' });
    expect(issued.value.reveal()).toBe(app.secrets[1]?.text);
    expect(await rotator.list(target, call())).toMatchObject([
      { credentialId: secret.keyId, slot: secret.keyId },
      { credentialId: issued.credentialId, slot: issued.slot, rotationId: 'run-1', notAfter: issued.notAfter },
    ]);
    expect((await rotator.list(target, call()))[0]?.rotationId).toBeUndefined();
  });

  it('does in a usual rotation what the README counts, and one call for a revoke', async () => {
    cloud.graph.applications.propagationMs = 2_000;
    const issued = await set();
    await rotator.test(target, issued, call());
    await rotator.test(target, current, call());
    await rotator.revoke(target, secret.keyId, { endSessions: false }, call());
    expect(wire()).toEqual([
      ...[`graph ${app.id} 200`, 'graph addPassword 200', 'login token 200'],
      ...[`graph ${app.id} 200`, 'login token 200', 'login token 200', 'login token 200'],
      ...[`graph ${app.id} 200`, 'login token 200'],
      'graph removePassword 204',
    ]);
  });

  it.each(['applications/', '', 'appId='])('takes the address with %j before the id', async (before) => {
    const id = before === 'appId=' ? app.appId : app.id;
    const input = { providerAddress: `${before}${id.toUpperCase()}`, credentialId: secret.keyId.toUpperCase() };
    const other = rotator.parseTarget(input);
    await rotator.test(other, current, call());
    expect((await rotator.list(other, call())).map((one) => one.credentialId)).toEqual([other.current]);
  });

  it('lets the secret end a week after the version, or with it where the policy allows no more', async () => {
    const on = expiresOn();
    expect((await set({ expiresOn: on })).notAfter).toEqual(new Date(on.getTime() + 7 * DAY));
    app.maxLifetimeDays = 90;
    expect((await set({ expiresOn: on })).notAfter).toEqual(on);
    app.maxLifetimeDays = 30;
    const error = await failure(set({ expiresOn: on }));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('ValidityPeriodDays');
  });

  it('waits until every replica knows the secret, though a log-in succeeds before', async () => {
    cloud.graph.applications.propagationMs = 60_000;
    const issued = await set();
    const known = (): boolean => cloud.graph.applications.verdict(app, issued.value.reveal(), 1) === 'valid';
    expect(known()).toBe(false);
    await rotator.test(target, issued, call());
    expect(known()).toBe(true);
    expect(wire().filter((line) => line === 'login token 401').length).toBeGreaterThan(0);
  });

  it('gives up a secret that takes too long to be known: to be tried again, and nothing published', async () => {
    cloud.graph.applications.propagationMs = 600_000;
    const issued = await set();
    const error = await failure(rotator.test(target, issued, call()));
    expect(error).toMatchObject({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', effect: 'none' });
    const [orphan] = (await rotator.list(target, call())).filter(({ rotationId }) => rotationId === 'run-1');
    expect(orphan?.credentialId).toBe(issued.credentialId);
  });

  it('asks once for a secret that is not new, and for one that the application does not have', async () => {
    const wrong = new SecretValue('abc8Q~wrong');
    for (const credentialId of [secret.keyId, crypto.randomUUID()]) {
      cloud.ctx.traffic.clear();
      const error = await failure(rotator.test(target, { credentialId, slot: credentialId, value: wrong }, call()));
      expect(error.code).toBe('CREDENTIAL_REJECTED');
      expect(wire()).toHaveLength(2);
    }
  });

  it('stops waiting when the call ends, and says that a secret may have been left', async () => {
    cloud.graph.applications.propagationMs = 600_000;
    const controller = new AbortController();
    const stopListening = cloud.ctx.clock.onAdvance(() => controller.abort(new Error('the lease is over')));
    const attempt = rotator.set(
      target,
      { rotationId: 'run-1', slot: '', current },
      { ...call(), signal: controller.signal },
    );
    expect(await failure(attempt)).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown' });
    stopListening();
    expect(app.secrets).toHaveLength(2);
  });

  it('does not look for a lost secret before a listing would show it', async () => {
    cloud.ctx.faults.add({ system: 'graph', match: 'addPassword$', times: 1, action: { drop: 'after' } });
    const error = await failure(set());
    expect(error).toMatchObject({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown', retryAfterMs: 60_000 });
    expect(app.secrets).toHaveLength(2);
  });

  it.each([
    ['the tag names another secret', (other: ClientSecret) => ({ ...current, credentialId: other.keyId })],
    ['the tag names one that is gone', () => ({ ...current, credentialId: crypto.randomUUID() })],
  ])('refuses when %s than the vault holds, and names the right one', async (_why, lie) => {
    const lying = lie(cloud.graph.applications.add(app, { agoMs: DAY }));
    const [blocker] = await rotator.check(target, '', lying, call());
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(blocker?.remedy).toContain(`CredentialId=${secret.keyId}`);
    expect(await failure(set({ current: lying }))).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(app.secrets).toHaveLength(2);
  });

  it('repairs a secret that somebody removed, when it is asked to', async () => {
    cloud.graph.applications.removeSecret(app, secret.keyId);
    expect(await rotator.check(target, '', current, call())).toEqual([]);
    await rotator.test(target, await set(), call());
  });

  it('names the commands that grant a missing role, as a blocker and as an error', async () => {
    const mend = cloud.graph.deny(app);
    const [blocker] = await rotator.check(target, '', current, call());
    for (const { code, remedy } of [blocker ?? { code: '', remedy: '' }, await failure(set())]) {
      expect(code).toBe('ACCESS_DENIED');
      expect(remedy).toContain('18a4783c-866b-4cc7-a460-3d5e5662c884');
      expect(remedy).toContain(`az ad app owner add --id ${app.id}`);
    }
    mend();
    expect(await rotator.check(target, '', current, call())).toEqual([]);
  });

  it('says that a policy forbids secrets', async () => {
    app.passwordsForbidden = true;
    expect(await failure(set())).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
  });

  it('names the oldest secret that the vault does not hold when there is no room for one more', async () => {
    const expired = { endDateTime: new Date(cloud.ctx.clock.now().getTime() - DAY), agoMs: 30 * DAY };
    cloud.graph.applications.add(app, { agoMs: 700 * DAY });
    const oldest = cloud.graph.applications.add(app, expired);
    app.maxPasswords = 3;
    const error = await failure(set());
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'human', effect: 'none' });
    expect(error.remedy).toContain(`az ad app credential delete --id ${app.id} --key-id ${oldest.keyId}`);
  });

  it('does not believe that a secret is absent while it is listed, and says so when it is not', async () => {
    const body = { error: { code: 'Request_BadRequest', message: "No password credential found with keyId 'x'." } };
    cloud.ctx.faults.add({ system: 'graph', match: 'removePassword$', times: 2, action: { status: 400, body } });
    const error = await failure(rotator.revoke(target, secret.keyId, { endSessions: false }, call()));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', retryAfterMs: 60_000 });
    cloud.graph.applications.removeSecret(app, secret.keyId);
    await rotator.revoke(target, secret.keyId, { endSessions: false }, call());
  });

  it('an application that is gone has no secrets to revoke', async () => {
    cloud.graph.applications.remove(app);
    await rotator.revoke(target, secret.keyId, { endSessions: false }, call());
    const error = await failure(rotator.test(target, current, call()));
    expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure' });
    expect(error.remedy).toContain('az ad app show');
  });

  it('tells a wrong tenant, a disabled application and an expired secret apart', async () => {
    const elsewhere = entraAppSecretRotator({ ...cloud.deps, tenant: 'contoso.example' });
    const wrongTenant = await failure(elsewhere.test(target, current, call()));
    expect(wrongTenant).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(wrongTenant.remedy).toContain('KEYTURN_TENANT');
    app.disabled = true;
    expect(await failure(rotator.test(target, current, call()))).toMatchObject({ code: 'ACCESS_DENIED' });
    app.disabled = false;
    const endDateTime = new Date(cloud.ctx.clock.now().getTime() - DAY);
    const old = cloud.graph.applications.add(app, { agoMs: 30 * DAY, endDateTime });
    const expired = { credentialId: old.keyId, slot: old.keyId, value: new SecretValue(old.text) };
    expect(await failure(rotator.test(target, expired, call()))).toMatchObject({ code: 'CREDENTIAL_REJECTED' });
  });

  it('needs the setting of the tenant where the identity’s token does not tell it, and makes nothing before', async () => {
    const opaque = entraAppSecretRotator({
      ...cloud.deps,
      credential: () => Promise.resolve({ getToken: async () => ({ token: 'opaque', expiresOnTimestamp: Infinity }) }),
    });
    const error = await failure(opaque.set(target, { rotationId: 'r', slot: '', current }, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems).toMatchObject([{ path: 'settings.KEYTURN_TENANT' }]);
    expect(await opaque.check(target, '', current, call())).toMatchObject([{ code: 'CONFIG_INVALID' }]);
    expect(wire()).toEqual([]);
  });

  it('says that there is no token at all, with nothing sent', async () => {
    const anonymous = entraAppSecretRotator({
      ...cloud.deps,
      tenant: cloud.graph.tenantId,
      credential: () => Promise.reject(new Error('ManagedIdentityCredential: no identity')),
    });
    const error = await failure(anonymous.revoke(target, secret.keyId, { endSessions: false }, call()));
    expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(error.remedy).toContain('managed identity');
    expect(wire()).toEqual([]);
  });
});
