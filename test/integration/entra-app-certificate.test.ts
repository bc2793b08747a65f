import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Application } from '../../sandbox/graph/applications.ts';
import type { PolicyChange } from '../../sandbox/vault/certificates/certificates.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Call, type Issued, type Rotator, type Target } from '../../src/rotation/ports.ts';
import type { EntraCertificateConfig } from '../../src/rotators/entra-app-certificate/config.ts';
import { entraAppCertificateRotator } from '../../src/rotators/entra-app-certificate/rotator.ts';
import { SOURCES, startEntraCertificateCloud, type EntraCertificateCloud } from '../support/entra-certificate-cloud.ts';

const DAY = 24 * 3600_000;

/** Certificates over the vault, Graph and the token endpoint on the wire: what the shared contract suite does not ask. */
describe('the entra-app-certificate rotator on the wire', () => {
  let cloud: EntraCertificateCloud;
  let rotator: Rotator<EntraCertificateConfig>;
  let target: Target<EntraCertificateConfig>;
  let app: Application;
  let name: string;
  let current: Issued;
  let made = 0;
  const call = (): Call => ({ signal: new AbortController().signal, now: () => cloud.ctx.clock.now() });
  const newest = () => cloud.vault.certificates.peek(SOURCES, name).at(-1) ?? expect.fail('there is no version');

  beforeAll(async () => {
    cloud = await startEntraCertificateCloud();
    rotator = entraAppCertificateRotator(cloud.certificateDeps);
  });
  afterAll(() => cloud.stop());

  beforeEach(async () => {
    cloud.ctx.faults.clear();
    Object.assign(cloud.graph.keys, { takesProofs: true, keepsNames: true });
    Object.assign(cloud.vault.certificates, { operationMs: 0, failure: undefined });
    made += 1;
    name = `wire${made}`;
    ({ app } = cloud.graph.createApplication(name));
    const { der } = await cloud.vault.certificates.seed(SOURCES, name);
    const { keyId } = cloud.graph.applications.register(app, der, { name: 'made by hand', agoMs: 300 * DAY });
    const providerAddress = `${app.id}?certificate=${cloud.vault.certificates.url(SOURCES, name)}`;
    target = rotator.parseTarget({ providerAddress, credentialId: keyId });
    const value = new SecretValue(cloud.vault.certificates.content(SOURCES, name));
    current = { credentialId: keyId, slot: keyId, value };
    cloud.ctx.traffic.clear();
  });

  const renewed = (policy?: PolicyChange) => cloud.vault.certificates.seed(SOURCES, name, policy);
  const set = (rotationId = 'run-1') => rotator.set(target, { rotationId, slot: '', current }, call());
  const check = () => rotator.check(target, '', current, call());
  const revoke = (slot: string) => rotator.revoke(target, slot, { endSessions: false }, call());
  const operations = (system: string): readonly string[] =>
    cloud.ctx.traffic.entries.filter((one) => one.system === system).map(({ operation }) => operation);
  const names = () => app.keys.map(({ displayName }) => displayName);

  async function setNow(): Promise<Issued> {
    const issued = await set();
    if (issued === 'pending') expect.fail('it is pending');
    return issued;
  }
  async function failure(attempt: Promise<unknown>): Promise<RotationError> {
    const error: unknown = await attempt.then(
      () => expect.fail('it should have failed'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof RotationError)) throw error;
    return error;
  }

  it('says whether the value is the newest version, and an expired one is not worth taking', async () => {
    expect(await rotator.isUpToDate?.(target, current, call())).toBe(true);
    await renewed();
    expect(await rotator.isUpToDate?.(target, current, call())).toBe(false);
    const value = new SecretValue(cloud.vault.certificates.content(SOURCES, name));
    expect(await rotator.isUpToDate?.(target, { ...current, value }, call())).toBe(true);
    cloud.ctx.clock.advance(366 * DAY);
    expect(await rotator.isUpToDate?.(target, current, call())).toBe(true);
  });

  describe('refuses, before anything is registered, what its readers could not use:', () => {
    const pem: PolicyChange = { secret_props: { contentType: 'application/x-pem-file' } };
    const refusals: readonly (readonly [string, PolicyChange, RegExp, RegExp])[] = [
      [
        'a key that stays in the vault',
        { key_props: { exportable: false } },
        /does not leave the vault/,
        /"exportable": true/,
      ],
      ['an EC key', { key_props: { kty: 'EC' }, ...pem }, /its key is ec/, /"keyType": "RSA"/],
      ['the same key as before', { key_props: { reuse_key: true } }, /has the same key/, /"reuseKey": false/],
      ['another form than the value’s', pem, /held as PEM now, and the secret as PKCS#12/, /contentType/],
      ['one that outlives the vault’s dates', { x509_props: { validity_months: 240 } }, /2038/, /validityInMonths/],
    ];
    it.each(refusals)('%s', async (_, policy, why, remedy) => {
      await renewed(policy);
      const error = await failure(set());
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
      expect(error.message).toMatch(why);
      expect(error.remedy).toMatch(remedy);
      expect(app.keys).toHaveLength(1);
      // What comes next is wrong, and the certificate in use is not: an old one may go.
      expect(await check()).toMatchObject([{ code: 'CONFIG_INVALID', message: error.message, about: 'next' }]);
    });

    it.each(refusals.slice(0, 1))('%s, before it is renewed', async (_, policy) => {
      cloud.vault.certificates.setPolicy(SOURCES, name, policy);
      expect((await failure(set())).code).toBe('CONFIG_INVALID');
      expect(operations('vault').some((one) => one.includes('/create'))).toBe(false);
    });
  });

  describe('a renewal', () => {
    const unknownIssuer: PolicyChange = { issuer: { name: 'Unknown' } };

    it('that only a person can begin is asked for, with the commands', async () => {
      cloud.vault.certificates.setPolicy(SOURCES, name, unknownIssuer);
      const error = await failure(set());
      expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'none' });
      expect(error.remedy).toMatch(/az keyvault certificate create .* az keyvault certificate pending merge /);
      expect(await check()).toMatchObject([{ code: 'HUMAN_REQUIRED', about: 'next' }]);
    });

    it('goes on over several calls, and is begun once', async () => {
      cloud.vault.certificates.operationMs = 60_000;
      expect(await set()).toBe('pending');
      expect(await set()).toBe('pending');
      cloud.ctx.clock.advance(60_000);
      await setNow();
      expect(operations('vault').filter((one) => one.startsWith('POST') && one.includes('/create'))).toHaveLength(1);
      expect(app.keys[1]?.certificate.raw.equals(newest().der)).toBe(true);
    });

    it('that has failed, or was cancelled, is not begun again by itself', async () => {
      cloud.vault.certificates.failure = { code: 'IssuerRefused', message: 'The domain is not yours.\nMore' };
      const failed = await failure(set());
      expect(failed).toMatchObject({ code: 'HUMAN_REQUIRED', effect: 'none' });
      expect(failed.message).toMatch(/has failed: The domain is not yours\.$/);
      expect(failed.remedy).toContain(`az keyvault certificate pending delete --vault-name ${SOURCES} --name ${name}`);
      cloud.vault.certificates.failure = undefined;
      expect((await failure(set())).code).toBe('HUMAN_REQUIRED');
      const operation = cloud.vault.certificates.find(SOURCES, name)?.operation;
      Object.assign(operation ?? {}, { status: 'canceled', error: undefined });
      expect((await failure(set())).message).toContain('has been cancelled');
      expect(app.keys).toHaveLength(1);
    });
  });

  it('says of a disabled or deleted source what mends it, and the old certificate goes all the same', async () => {
    await renewed();
    const issued = await setNow();
    cloud.vault.certificates.amend(SOURCES, name, { enabled: false });
    expect((await failure(set('run-2'))).code).toBe('HUMAN_REQUIRED');
    expect(await rotator.check(target, '', issued, call())).toMatchObject([{ code: 'HUMAN_REQUIRED', about: 'next' }]);
    cloud.vault.certificates.remove(SOURCES, name);
    const gone = await failure(set('run-2'));
    expect(gone.code).toBe('TARGET_NOT_FOUND');
    expect(gone.remedy).toContain('az keyvault certificate recover');
    await rotator.test(target, issued, call());
    await revoke(current.slot);
    expect(names()).toEqual(['keyturn run-1']);
  });

  describe('a registration that is there already', () => {
    it('is left to the person or the rotation whose it is', async () => {
      const { der } = await renewed();
      for (const label of ['by hand', 'keyturn run-0']) cloud.graph.applications.register(app, der, { name: label });
      const issued = await setNow();
      expect(issued.adopted).toBeUndefined();
      expect(names()).toEqual(['made by hand', 'by hand', 'keyturn run-0', 'keyturn run-1']);
      expect(issued.credentialId).toBe(app.keys.at(-1)?.keyId);
    });

    it('without a name is taken, and said to be perhaps another’s: so a lost answer leaves one, names kept or not', async () => {
      cloud.graph.keys.keepsNames = false;
      await renewed();
      cloud.ctx.faults.add({ system: 'graph', match: '/addKey', times: 1, action: { drop: 'after' } });
      expect(await failure(set())).toMatchObject({ effect: 'unknown' });
      const issued = await setNow();
      expect(issued).toMatchObject({ adopted: true, credentialId: app.keys[1]?.keyId });
      expect(app.keys).toHaveLength(2);
    });
  });

  describe('where Graph takes no proof', () => {
    beforeEach(() => void (cloud.graph.keys.takesProofs = false));

    it('the list is written with every entry in its place, and without the old one when it is revoked', async () => {
      const { der } = await cloud.vault.certificates.seed(SOURCES, `${name}-other`);
      const other = cloud.graph.applications.register(app, der, { name: 'somebody else’s', agoMs: DAY });
      await renewed();
      const issued = await setNow();
      await rotator.test(target, issued, call());
      expect(names()).toEqual(['made by hand', 'somebody else’s', 'keyturn run-1']);
      await revoke(current.slot);
      expect(names()).toEqual(['somebody else’s', 'keyturn run-1']);
      expect(app.keys[0]).toBe(other);
      expect(operations('graph').filter((one) => one.startsWith('PATCH'))).toHaveLength(2);
    });

    it('an entry that is missing afterwards is reported by its key id', async () => {
      await renewed();
      const lost = app.keys[0]?.keyId ?? '';
      // Somebody else writes the list as it was written, before anybody reads it again.
      let { keys } = app;
      Object.defineProperty(app, 'keys', {
        get: () => keys,
        set: (written: Application['keys']) => (keys = written.filter(({ keyId }) => keyId !== lost)),
      });
      const error = await failure(set());
      expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', effect: 'unknown' });
      expect(error.message).toContain(lost);
    });

    it('nor entries that are sent again, it is named and nothing is lost', async () => {
      await renewed();
      const message = `Update to existing credential with KeyId '${current.slot}' is not allowed.`;
      const body = { error: { code: 'Request_BadRequest', message } };
      cloud.ctx.faults.add({ system: 'graph', match: '^PATCH', action: { status: 400, body } });
      const error = await failure(set());
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
      expect(error.message).toContain(message);
      expect(names()).toEqual(['made by hand']);
    });
  });

  it('uses the list, too, where no certificate of the application is valid any more', async () => {
    cloud.ctx.clock.advance(366 * DAY);
    const issued = await setNow();
    await rotator.test(target, issued, call());
    expect(operations('graph').filter((one) => /addKey/.test(one))).toEqual([]);
    expect(names()).toEqual(['made by hand', 'keyturn run-1']);
  });
});
