import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENTITY_FOLLOW_MS, type Entity } from '../../sandbox/arm/services/api-management/entities.ts';
import type { ApiService } from '../../sandbox/arm/services/api-management/state.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { apiManagementCertificate } from '../../src/consumers/api-management-certificate/consumer.ts';
import { apiManagementNamedValue } from '../../src/consumers/api-management-named-value/consumer.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Confirmation, Reference, Refreshed, VersionRef } from '../../src/rotation/ports.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';
import { makeEntity, makeService } from './api-management.stage.ts';

/** Named values and certificates of API Management, over ARM on the wire. */
const VALUE = 'a-value-of-its-own';
let cloud: ConsumerCloud;
let made = 0;
let name: string;
let old: VersionRef;
let resource: Resource;
let service: ApiService;
let entity: Entity;
let reference: Reference;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  made += 1;
  name = `api-key-${made}`;
  old = await renew();
  ({ resource, service } = makeService(cloud, []));
});
afterEach(() => {
  cloud.ctx.faults.clear();
  cloud.arm.resources.remove(resource.id);
});

type Kind = (rewritePinned?: boolean) => ConsumerAdapter;
const namedValue: Kind = (rewritePinned = false) => apiManagementNamedValue({ arm: cloud.client, rewritePinned });
const certificate: Kind = (rewritePinned = false) => apiManagementCertificate({ arm: cloud.client, rewritePinned });
let consumer: Kind;

/** A certificate; a plain secret where a named value is tried. */
async function renew(): Promise<VersionRef> {
  return cloud.vault.make(name, { names: ['unused.test'], keyType: 'EC' });
}
const plain = ({ object, version, createdOn = new Date(0) }: VersionRef): VersionRef => ({
  ...{ object: { ...object, kind: 'secret' }, version, createdOn },
});
const find = (version = old): Promise<readonly Reference[]> =>
  consumer().find({ id: resource.id, type: '', location: '' }, version.object, cloud.call());

async function put(kind: Kind, url = cloud.vault.url(name)): Promise<void> {
  consumer = kind;
  entity = makeEntity(cloud, resource, kind === namedValue ? 'namedValues' : 'certificates', url);
  const references = await find();
  expect(references).toHaveLength(1);
  reference = references[0] as Reference;
  cloud.ctx.traffic.clear();
}
const refresh = (version: VersionRef, rewritePinned?: boolean, operation?: string): Promise<Refreshed> =>
  consumer(rewritePinned).refresh(reference, version, operation, cloud.call());
const confirm = (version: VersionRef): Promise<Confirmation> => consumer().confirm(reference, version, cloud.call());
const writes = (): string[] =>
  cloud.ctx.traffic.entries
    .filter(({ system, operation }) => system === 'arm' && !operation.startsWith('GET'))
    .map(({ operation }) => operation.replace(/ .*\/entity(?: |%20)\d+/, ' '));
async function pushed(
  version: VersionRef,
  rewritePinned = false,
  each: () => void = () => undefined,
): Promise<Refreshed> {
  let now = await refresh(version, rewritePinned);
  for (let n = 0; n < 90 && now.is === 'running'; n += 1) {
    cloud.ctx.clock.advance(15_000);
    each();
    now = await refresh(version, rewritePinned, now.operation);
  }
  return now;
}
async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/Bearer |eyJ|a-value-of-its-own/);
  return error;
}
const containing = (text: string): string => expect.stringContaining(text) as string;

describe('what a service refers to', () => {
  it('is found in its list, over all pages, by the object that each refers to; and asked for in one call a page', async () => {
    const first = makeEntity(cloud, resource, 'namedValues', cloud.vault.url(name));
    makeEntity(cloud, resource, 'namedValues').more = { displayName: 'Own', value: VALUE };
    makeEntity(cloud, resource, 'namedValues', cloud.vault.url(`${name}0`));
    const pinned = makeEntity(cloud, resource, 'namedValues', cloud.vault.url(name.toUpperCase(), old.version));
    const other = makeEntity(cloud, resource, 'certificates', cloud.vault.url(name));
    cloud.ctx.traffic.clear();
    consumer = namedValue;
    const base = { kind: 'api-management-named-value', parent: resource.id, hosts: [] };
    expect(await find()).toEqual([
      { ...base, id: `${resource.id}/namedValues/${first.name}` },
      { ...base, id: `${resource.id}/namedValues/${pinned.name}`, pinned: old.version },
    ]);
    expect(cloud.ctx.traffic.entries.filter(({ system }) => system === 'arm')).toHaveLength(2);
    consumer = certificate;
    const id = `${resource.id}/certificates/${other.name}`;
    expect(await find()).toEqual([{ ...base, kind: 'api-management-certificate', id }]);
  });
});

describe('a named value that follows', () => {
  it('of a plain secret reads it when it is told to, and is known to have it by when it did', async () => {
    await put(namedValue);
    expect(await confirm(plain(old))).toMatchObject({ is: 'adopted', proof: 'control-plane' });
    const fresh = plain(await renew());
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing('has read the vault at') });
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual(['POST /refreshSecret']);
    expect(entity.held?.version).toBe(fresh.version);
    expect(entity.more).toMatchObject({ secret: true, tags: ['a', 'b'] });
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted', detail: containing('which one it has is not shown') });
  });

  it('is not told at the moment in which the version was made: that look would prove nothing', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    expect(await refresh(fresh)).toMatchObject({ is: 'running', operation: containing('waiting since') });
    expect(writes()).toEqual([]);
    entity.lastStatus = { code: 'Success', timeStampUtc: cloud.ctx.clock.now().toISOString() };
    expect(await confirm(fresh)).toMatchObject({ is: 'pending' });
    const { createdOn: _unknown, ...timeless } = fresh;
    expect(await confirm(timeless)).toMatchObject({ is: 'pending' });
  });

  it('has it within four hours by itself', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    cloud.ctx.clock.advance(ENTITY_FOLLOW_MS);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
    expect(consumer().lagMs).toEqual({ pushed: ENTITY_FOLLOW_MS, follows: ENTITY_FOLLOW_MS });
  });

  it('follows where it does not show in time that it has looked, and is not told for ever', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    entity.isSilent = true;
    expect(await pushed(fresh)).toEqual({ is: 'follows' });
    expect(writes()).toEqual(['POST /refreshSecret']);
  });

  it('says what kept it from the vault, and what its identity needs', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    service.mayRead = false;
    const denied = await failure(pushed(fresh));
    expect(denied).toMatchObject({
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: containing('AccessDenied'),
    });
    expect(denied.remedy).toContain('--role "Key Vault Secrets User"');
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing('with AccessDenied') });
    service.mayRead = true;
    cloud.vault.disable(name, fresh.version);
    const disabled = await failure(pushed(fresh));
    expect(disabled).toMatchObject({ code: 'CONFIG_INVALID', remedy: containing(`--name ${name}`) });
    expect(entity.held?.version).toBe(old.version);
  });

  it.each([
    ['ValidationError', 'Can not find Managed Identity with provided IdentityClientId', 'ACCESS_DENIED'],
    ['InternalError', 'It went wrong.', 'HUMAN_REQUIRED'],
  ])('an operation that ends with %s is no success', async (code, message, expected) => {
    await put(namedValue);
    const fresh = plain(await renew());
    cloud.ctx.clock.advance(60_000);
    const first = await refresh(fresh);
    const body = { status: 'Failed', error: { code, message } };
    cloud.ctx.faults.add({ system: 'arm', match: '/operations/', times: 1, action: { status: 200, body } });
    const error = await failure(refresh(fresh, false, first.is === 'running' ? first.operation : ''));
    expect(error).toMatchObject({ code: expected, effect: 'unknown' });
  });

  it('one change at a time: what refuses a second one passes', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    const busy = cloud.arm.busy(resource.id);
    const conflict = await failure(pushed(fresh));
    expect(conflict).toMatchObject({ code: 'CONFLICT', recovery: 'retry', message: containing('Pessimistic') });
    busy();
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
  });

  it('that was given a value of its own, or another secret, or was deleted is gone', async () => {
    await put(namedValue);
    const fresh = plain(await renew());
    entity.keyVault = { secretIdentifier: cloud.vault.url(`${name}0`) };
    expect(await failure(confirm(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    delete entity.keyVault;
    entity.more = { value: VALUE };
    expect(await failure(refresh(fresh))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    const gone = { ...reference, id: `${resource.id}/namedValues/nobody` };
    expect(await failure(consumer().confirm(gone, fresh, cloud.call()))).toMatchObject({ code: 'TARGET_NOT_FOUND' });
    expect(writes()).toEqual([]);
  });
});

describe('a certificate that follows', () => {
  it('is read while one waits, and known by its thumbprint', async () => {
    await put(certificate);
    expect(await confirm(old)).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    const fresh = await renew();
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing(old.certificate?.sha1 ?? '?') });
    expect(await pushed(fresh)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual(['POST /refreshSecret']);
    const seen = await confirm(fresh);
    expect(seen).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    expect(seen.detail).toContain(fresh.certificate?.sha1 ?? '?');
  });

  it('whose key cannot be had, or that is PEM, is refused before anything is sent', async () => {
    await put(certificate);
    const bad = await cloud.vault.make(name, {
      ...{ names: ['unused.test'], keyType: 'EC', exportable: false, contentType: 'application/x-pem-file' },
    });
    const error = await failure(refresh(bad));
    expect(error.problems.map(({ path }) => path)).toEqual([
      ...['policy.key_props.exportable', 'policy.secret_props.contentType'],
    ]);
    expect(cloud.ctx.traffic.entries).toEqual([]);
  });
});

describe.each([
  ['a named value', namedValue, 'PATCH'],
  ['a certificate', certificate, 'PUT'],
] as const)('%s that names a version', (_name, kind, method) => {
  it('is left alone unless the settings allow to rewrite it', async () => {
    await put(kind, cloud.vault.url(name, old.version));
    expect(reference.pinned).toBe(old.version);
    expect(await confirm(plain(old))).toMatchObject({ is: 'adopted', proof: 'resolved-version' });
    const fresh = await renew();
    expect(await refresh(fresh)).toMatchObject({ is: 'reported', remedy: containing('rewritePinned') });
    expect(writes()).toEqual([]);
    expect(await confirm(fresh)).toMatchObject({ is: 'pending', detail: containing(`names version ${old.version}`) });
  });

  it('is made to follow, and nothing else of it is lost', async () => {
    await put(kind, cloud.vault.url(name, old.version));
    const [{ secretIdentifier: _old, ...rest }, more] = [entity.keyVault ?? {}, entity.more];
    const fresh = await renew();
    expect(await pushed(fresh, true)).toEqual({ is: 'pushed' });
    expect(writes()[0]).toBe(`${method} `);
    expect(entity.keyVault).toEqual({ ...rest, secretIdentifier: cloud.vault.url(name).replace(/\/$/, '') });
    expect(entity.more).toEqual(more);
    expect(entity.held?.version).toBe(fresh.version);
    expect(await confirm(fresh)).toMatchObject({ is: 'adopted' });
  });

  it('is told to look as well, where being changed did not make it', async () => {
    await put(kind, cloud.vault.url(name, old.version));
    entity.looksWhenChanged = false;
    const fresh = await renew();
    cloud.ctx.clock.advance(60_000);
    expect(await pushed(fresh, true)).toEqual({ is: 'pushed' });
    expect(writes()).toEqual([`${method} `, 'POST /refreshSecret']);
    expect(entity.held?.version).toBe(fresh.version);
  });

  it('that somebody changes back each time is not fought for', async () => {
    await put(kind, cloud.vault.url(name, old.version));
    const fresh = await renew();
    const back = (): void => {
      cloud.ctx.clock.advance(60_000);
      entity.keyVault = { ...entity.keyVault, secretIdentifier: cloud.vault.url(name, old.version) };
    };
    const error = await failure(pushed(fresh, true, back));
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'retry', message: containing('somebody else') });
  });
});
