import { DefaultAzureCredential } from '@azure/identity';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startEventGrid } from '../../sandbox/eventgrid/eventgrid.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type VaultService } from '../../sandbox/vault/vault.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Call, CertificatesPort, ObjectRef, SecretListing } from '../../src/rotation/ports.ts';
import { createCertificates } from '../../src/vault/certificates.ts';
import { issue, sign } from '../support/certificates.ts';
import { ders } from '../support/memory/certificates.ts';
import { containing } from '../support/memory/text.ts';
import { setEnvironment } from '../support/storage-cloud.ts';

/* The certificates port over the unmodified SDK, against the sandbox's vault. */
const DAY = 86_400_000;

let run: Run;
let identity: IdentityService;
let service: VaultService;
let port: CertificatesPort;
const undo: (() => unknown)[] = [];
let made = 0;
let object: ObjectRef;

beforeAll(async () => {
  run = await createRun();
  identity = await startIdentity(run.ctx);
  service = await startVault(run.ctx, { identity });
  undo.push(installSandboxDns(), trustSandbox(run.ctx.pki), setEnvironment(identity.env));
  port = createCertificates({ credential: () => Promise.resolve(new DefaultAzureCredential()) });
});
afterAll(async () => {
  await service.stop();
  await identity.stop();
  for (const one of undo) one();
  run.dispose();
});
beforeEach(async () => {
  service.setAccess('kv', 'allow');
  Object.assign(service.certificates, { operationMs: 0, failure: undefined });
  run.ctx.faults.clear();
  made += 1;
  object = { kind: 'certificate', vault: service.url('kv'), name: `cert-${made}` };
  await service.certificates.seed('kv', object.name);
  run.ctx.traffic.clear();
});

const call = (signal = new AbortController().signal): Call => ({ signal, now: () => run.ctx.clock.now() });
const versions = () => service.certificates.peek('kv', object.name);
const asked = (): readonly string[] =>
  run.ctx.traffic.entries
    .filter(({ system, outcome }) => system === 'vault' && outcome !== '401')
    .map(({ operation }) => operation.replaceAll(object.name, 'c').replaceAll(/[0-9a-f]{32}/g, 'v'));

async function failure(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.then(
    () => expect.fail('the call should have failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RotationError);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer ey|MII/);
  return error as RotationError;
}

describe('a certificate', () => {
  it('is read with its key, by one request, whichever version is wanted', async () => {
    const [before] = versions();
    await service.certificates.seed('kv', object.name);
    const newest = await port.content(object, undefined, call());
    expect(newest).toMatchObject({ version: versions()[1]?.id, enabled: true, managed: true });
    expect(newest.value.reveal()).toBe(service.certificates.content('kv', object.name));
    expect(newest.expiresOn?.getTime()).toBe((versions()[1]?.exp ?? 0) * 1000);
    expect((await port.content(object, before?.id, call())).value.reveal()).not.toBe(newest.value.reveal());
    expect(asked()).toEqual(['GET /secrets/c', 'GET /secrets/c/v']);
  });

  it('has versions, newest first, without the one that is still being made', async () => {
    run.ctx.clock.advance(DAY);
    await service.certificates.seed('kv', object.name);
    service.certificates.operationMs = DAY;
    await port.renew(object, {}, call());
    const found = await port.versions(object, call());
    expect(found.map(({ version }) => version)).toEqual([...versions()].reverse().map(({ id }) => id));
    for (const { thumbprint, enabled, expiresOn } of found) {
      expect(thumbprint).toMatch(/^[0-9A-F]{40}$/);
      expect(enabled).toBe(true);
      expect(expiresOn).toBeInstanceOf(Date);
    }
  });

  it('has a policy, of which matters who issues, whether the key comes out, and whether it stays the same', async () => {
    expect(await port.policy(object, call())).toEqual({
      ...{ issuer: 'Self', exportable: true, reuseKey: false, keyType: 'RSA' },
      renews: { atPercentage: 80 },
    });
    service.certificates.setPolicy('kv', object.name, {
      ...{ issuer: { name: 'Unknown' }, key_props: { exportable: false, reuse_key: true, kty: 'EC' } },
      lifetime_actions: [{ trigger: { days_before_expiry: 20 }, action: { action_type: 'EmailContacts' } }],
    });
    const changed = { issuer: 'Unknown', exportable: false, reuseKey: true, keyType: 'EC' };
    expect(await port.policy(object, call())).toEqual(changed);
    service.certificates.setPolicy('kv', object.name, {
      lifetime_actions: [{ trigger: { days_before_expiry: 20 }, action: { action_type: 'AutoRenew' } }],
    });
    expect(await port.policy(object, call())).toEqual({ ...changed, renews: { daysBeforeExpiry: 20 } });
  });

  it('is listed with the tags of its newest version, which can be changed', async () => {
    const tags = { Rotator: 'vault-certificate' };
    await port.amend(object, versions().at(-1)?.id ?? '', tags, call());
    const listed: SecretListing[] = [];
    for await (const one of port.list(object.vault, call())) listed.push(one);
    expect(listed.find((one) => one.object.name === object.name)).toMatchObject({ object, enabled: true, tags });
    expect(await port.versions(object, call())).toMatchObject([{ tags }]);
    expect((await port.current(object, call())).tags).toEqual(tags);
  });

  it('gives a signing request where a person issues it, and takes the answer with its chain', async () => {
    service.certificates.setPolicy('kv', object.name, { issuer: { name: 'Unknown' } });
    const begun = await port.renew(object, { owner: 'shop' }, call());
    expect(begun).toMatchObject({ status: 'inProgress', issuer: 'Unknown' });
    const root = await issue({ names: ['Root'], isAuthority: true, keyType: 'RSA' });
    const signed = await sign(begun.request ?? Buffer.alloc(0), { names: ['www.example'], issuer: root });
    const chain = ders({ chainPem: signed.certPem + root.certPem });
    const { version } = await port.merge(object, chain, call());
    expect(versions().at(-1)).toMatchObject({ id: version, tags: { owner: 'shop' } });
    expect(await port.chain(object, version, call())).toEqual(chain.map((der) => Buffer.from(der)));
    expect(await port.operation(object, call())).toMatchObject({ id: begun.id, status: 'completed' });
    expect(await failure(port.merge(object, chain, call()))).toMatchObject({
      code: 'CONFIG_INVALID',
      effect: 'none',
    });
  });

  it('refuses the answer to somebody else’s request', async () => {
    service.certificates.setPolicy('kv', object.name, { issuer: { name: 'Unknown' } });
    await port.renew(object, {}, call());
    const foreign = await issue({ names: ['www.example'], keyType: 'RSA' });
    const refused = await failure(port.merge(object, ders(foreign), call()));
    expect(refused).toMatchObject({ code: 'CONFIG_INVALID', message: containing('does not match the public part') });
    expect(versions()).toHaveLength(1);
  });

  it('that is not there is not found, and has no operation', async () => {
    const gone: ObjectRef = { ...object, name: 'no-such-certificate' };
    for (const work of [
      port.content(gone, undefined, call()),
      port.policy(gone, call()),
      port.renew(gone, {}, call()),
    ]) {
      const error = await failure(work);
      expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', effect: 'none' });
      expect(error.remedy).toContain('az keyvault certificate recover --vault-name kv');
    }
    expect(await port.operation(gone, call())).toBeUndefined();
  });

  it('that is disabled is a person’s question', async () => {
    service.certificates.amend('kv', object.name, { enabled: false });
    const error = await failure(port.content(object, undefined, call()));
    expect(error).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human' });
    expect(error.remedy).toContain('az keyvault certificate set-attributes');
  });
});

describe('a renewal', () => {
  it('keeps the policy and takes the tags, is found while it goes on, and is not begun twice', async () => {
    service.certificates.setPolicy('kv', object.name, { x509_props: { validity_months: 3 } });
    service.certificates.operationMs = 60_000;
    const begun = await port.renew(object, { team: 'x' }, call());
    expect(begun).toMatchObject({ status: 'inProgress', issuer: 'Self' });
    const id = service.certificates.find('kv', object.name)?.operation?.requestId;
    expect(await port.renew(object, { team: 'y' }, call())).toMatchObject({ status: 'inProgress' });
    expect(service.certificates.find('kv', object.name)?.operation?.requestId).toBe(id);
    expect(versions()).toHaveLength(1);
    run.ctx.clock.advance(60_000);
    expect(await port.operation(object, call())).toMatchObject({ status: 'completed' });
    const newest = versions()[1];
    expect(newest?.tags).toEqual({ team: 'x' });
    expect(((newest?.exp ?? 0) - (newest?.nbf ?? 0)) / 86_400).toBeLessThan(93);
  });

  it.each([0, 60_000])('that has failed after %i ms says why, each time it is asked for', async (operationMs) => {
    Object.assign(service.certificates, { operationMs, failure: { code: 'x', message: 'The issuer says no.' } });
    const begun = await port.renew(object, {}, call());
    run.ctx.clock.advance(operationMs);
    const failed = { status: 'failed', detail: 'The issuer says no.' };
    if (operationMs === 0) expect(begun).toMatchObject(failed);
    expect(await port.operation(object, call())).toMatchObject(failed);
    expect(await port.operation(object, call())).toMatchObject(failed);
  });

  it('that was cancelled says so', async () => {
    service.certificates.operationMs = DAY;
    await port.renew(object, {}, call());
    const operation = service.certificates.find('kv', object.name)?.operation;
    Object.assign(operation ?? {}, { status: 'canceled' });
    expect(await port.operation(object, call())).toMatchObject({ status: 'cancelled' });
  });

  it('makes one version, however many ask at the moment it ends', async () => {
    service.certificates.operationMs = 60_000;
    await port.renew(object, {}, call());
    run.ctx.clock.advance(60_000);
    await Promise.all(Array.from({ length: 5 }, () => port.operation(object, call())));
    expect(versions()).toHaveLength(2);
  });

  it('whose answer is lost is unknown, and found by asking', async () => {
    service.certificates.operationMs = DAY;
    run.ctx.faults.add({ system: 'vault', match: '/create', times: 1, action: { drop: 'after' } });
    expect(await failure(port.renew(object, {}, call()))).toMatchObject({ effect: 'unknown' });
    expect(await port.operation(object, call())).toMatchObject({ status: 'inProgress' });
  });
});

describe('a refusal', () => {
  it('names the role of what was asked for', async () => {
    service.setAccess('kv', { deny: 'ForbiddenByRbac' });
    const content = await failure(port.content(object, undefined, call()));
    expect(content).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
    expect(content.remedy).toContain('az role assignment create --role "Key Vault Certificate User"');
    const policy = await failure(port.policy(object, call()));
    expect(policy.remedy).toContain('az role assignment create --role "Key Vault Certificates Officer"');
    service.setAccess('kv', { deny: 'AccessDenied' });
    expect((await failure(port.policy(object, call()))).remedy).toContain('--certificate-permissions get list create');
  });

  it('of too many requests is waited for, and a call that has ended asks for nothing', async () => {
    service.setAccess('kv', { deny: 'Throttled', retryAfterSeconds: 3 });
    expect(await failure(port.policy(object, call()))).toMatchObject({ code: 'THROTTLED', retryAfterMs: 3000 });
    service.setAccess('kv', 'allow');
    run.ctx.traffic.clear();
    expect(await failure(port.renew(object, {}, call(AbortSignal.abort())))).toMatchObject({ code: 'TIMED_OUT' });
    expect(asked()).toEqual([]);
  });
});

it('the vault tells Event Grid of a certificate’s new version and of its nearing end', async () => {
  const grid = await startEventGrid(run.ctx, { vault: service });
  const types = () =>
    grid
      .events()
      .filter(({ subject, eventType }) => subject === object.name && eventType.includes('.Certificate'))
      .map(({ eventType }) => eventType);
  await service.certificates.seed('kv', object.name);
  await grid.idle();
  expect(types()).toContain('Microsoft.KeyVault.CertificateNewVersionCreated');
  run.ctx.clock.advance(340 * DAY);
  await grid.idle();
  expect(types()).toContain('Microsoft.KeyVault.CertificateNearExpiry');
  await grid.stop();
});
