import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/azure/rest-errors.ts';
import { armRefusal, armUnanswered, saysGone } from '../../src/azure/arm/errors.ts';
import type { ArmCallFacts } from '../../src/azure/arm/errors.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { STORAGE_ROW } from '../../src/rotators/arm-key/rows/storage.ts';
import { RotationError } from '../../src/rotation/errors.ts';

const SUBSCRIPTION = '0a1b2c3d-0000-4000-8000-000000000001';
const ID = `/subscriptions/${SUBSCRIPTION}/resourceGroups/Rg-(1)/providers/Microsoft.Storage/storageAccounts/orders`;
const NOW = new Date('2026-11-22T08:00:00Z');

const rotator = armKeyRotator(STORAGE_ROW, {
  credential: () => Promise.reject(new Error('nothing here may ask for a token')),
  armEndpoint: 'https://management.azure.com',
  storageSuffix: 'core.windows.net',
  serviceSuffixes: {},
  clock: { now: () => NOW, after: () => () => undefined },
});

describe('the address of a storage key', () => {
  it.each([ID, ID.toLowerCase(), ID.toUpperCase(), `${ID}/`, ` ${ID} `])('%s is the same target', (address) => {
    const target = rotator.parseTarget({ providerAddress: address, credentialId: 'key2' });
    expect(target.id).toBe(ID.toLowerCase());
    expect(target.slots).toEqual(['key1', 'key2']);
    expect(target.current).toBe('key2');
    expect(target.hosts).toEqual(['management.azure.com', 'orders.blob.core.windows.net']);
    expect(rotator.claims(address)).toBe(true);
  });

  it.each(['key1', 'KEY1', 'Key1', ' key1 '])('the tag CredentialId may be spelt %j', (credentialId) => {
    expect(rotator.parseTarget({ providerAddress: ID, credentialId }).current).toBe('key1');
  });

  it('the tag AlternateCredentialId may name the other key', () => {
    const input = { providerAddress: ID, credentialId: 'key1', alternateCredentialId: 'Key2' };
    expect(rotator.parseTarget(input).slots).toEqual(['key1', 'key2']);
  });

  it.each([
    '',
    'orders',
    'sql.example.com:1433/orders',
    ID.replace('Microsoft.Storage', 'Microsoft.Cache'),
    `${ID}/blobServices/default`,
    `https://management.azure.com${ID}`,
  ])('%j is not claimed', (address) => {
    expect(rotator.claims(address)).toBe(false);
  });

  it('a dry run shows both calls of a set, and which key it would make', () => {
    const target = rotator.parseTarget({ providerAddress: ID, credentialId: 'key1' });
    const base = `POST https://management.azure.com${ID}`;
    expect(rotator.describe(target, 'key2')).toEqual([
      `${base}/listKeys?api-version=2025-08-01 (reads both keys)`,
      `${base}/regenerateKey?api-version=2025-08-01 {"keyName":"key2"} (makes a new key2)`,
    ]);
  });
});

describe('the answer of listKeys', () => {
  const { config } = rotator.parseTarget({ providerAddress: ID, credentialId: 'key1' });
  const readKeys = (body: unknown) => STORAGE_ROW.readKeys(body, config);

  it('is read whatever the case of the names, and Kerberos keys are passed over', () => {
    const item = (keyName: string, value: unknown): unknown => ({ keyName, value, permissions: 'FULL' });
    const keys = readKeys({ keys: [item('Key1', 'a'), item('key2', 'b'), item('kerb1', 'c')] });
    expect([...keys].map(([slot, value]) => [slot, value.reveal()])).toEqual([
      ['key1', 'a'],
      ['key2', 'b'],
    ]);
  });

  it.each([undefined, null, 'text', [], {}, { keys: {} }, { keys: [null, 1, { keyName: 'key1' }] }])(
    '%j holds no key',
    (body) => {
      expect(readKeys(body).size).toBe(0);
    },
  );
});

const CALL: ArmCallFacts = {
  action: 'Microsoft.Storage/storageAccounts/regeneratekey/action',
  scope: ID,
  host: 'management.azure.com',
  role: STORAGE_ROW.role,
  mutates: true,
};

function refused(status: number, code = '', message = 'why', retryAfter?: string): RotationError {
  return armRefusal({ status, retryAfter, text: JSON.stringify({ error: { code, message } }) }, CALL, NOW);
}

describe('a refusal of ARM', () => {
  it.each([
    [400, 'InvalidValuesForRequestParameters', 'CONFIG_INVALID', 'reconfigure', 'none'],
    [401, 'ExpiredAuthenticationToken', 'ACCESS_DENIED', 'reconfigure', 'none'],
    [403, 'AuthorizationFailed', 'ACCESS_DENIED', 'reconfigure', 'none'],
    [404, 'ResourceNotFound', 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    [404, 'SubscriptionNotFound', 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    [408, '', 'TIMED_OUT', 'retry', 'unknown'],
    [409, 'StorageAccountOperationInProgress', 'CONFLICT', 'retry', 'none'],
    [409, 'ScopeLocked', 'CONFLICT', 'reconfigure', 'none'],
    [429, 'SubscriptionRequestsThrottled', 'THROTTLED', 'retry', 'none'],
    [500, 'InternalServerError', 'UNAVAILABLE', 'retry', 'unknown'],
    [503, 'ServerBusy', 'UNAVAILABLE', 'retry', 'unknown'],
    [504, 'GatewayTimeout', 'TIMED_OUT', 'retry', 'unknown'],
  ])('%i %s is %s, %s, effect %s', (status, armCode, code, recovery, effect) => {
    const error = refused(status, armCode);
    expect(error).toMatchObject({ code, recovery, effect });
    expect(error.message).toContain(CALL.action);
    expect(error.message).toContain(ID);
    expect(error.message).toContain(armCode);
    if (recovery === 'reconfigure') expect(error.remedy).toBeTruthy();
  });

  it.each(['InvalidResourceType', 'InvalidResourceNamespace'])(
    '404 %s is about the type, and takes no resource that was found for gone',
    (code) => {
      const text = JSON.stringify({
        error: { code, message: `The resource type could not be found for api version 'x'.` },
      });
      const found = armRefusal({ status: 404, retryAfter: undefined, text }, { ...CALL, found: true }, NOW);
      expect(found).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
      expect(found.remedy).toContain('az provider show --namespace Microsoft.Storage ');
    },
  );

  it('of a call that only reads has no effect', () => {
    const answer = { status: 503, retryAfter: undefined, text: '' };
    expect(armRefusal(answer, { ...CALL, mutates: false }, NOW)).toMatchObject({ code: 'UNAVAILABLE', effect: 'none' });
  });

  it('for want of a role names the command that grants it, with the object id from the message', () => {
    const objectId = '9b3d7c52-6a1e-4d8f-b7c6-0a1b2c3d4e5f';
    const error = refused(403, 'AuthorizationFailed', `The client 'x' with object id '${objectId}' does not have ...`);
    expect(error.remedy).toBe(
      `az role assignment create --assignee-object-id ${objectId} --assignee-principal-type ServicePrincipal ` +
        `--role "Storage Account Key Operator Service Role" --scope "${ID}"`,
    );
    expect(refused(403, 'AuthorizationFailed').remedy).toContain('<object id of');
    expect(refused(403, 'RequestDisallowedByPolicy').remedy).toContain('az policy state list');
  });

  it('keeps nothing of a body that is not ARM error JSON', () => {
    const text = '{"keys":[{"keyName":"key1","value":"canary=="}]';
    const error = armRefusal({ status: 500, retryAfter: undefined, text }, CALL, NOW);
    expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toContain('canary');
  });

  it.each([
    [undefined, undefined],
    ['', undefined],
    ['7', 7_000],
    ['Sun, 22 Nov 2026 08:01:00 GMT', 60_000],
    ['Sun, 22 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
  ])('with Retry-After %j asks for %j ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
    expect(refused(429, 'TooManyRequests', 'why', header).retryAfterMs).toBe(ms);
  });

  it.each([
    [404, 'ResourceNotFound', true],
    [404, 'ResourceGroupNotFound', true],
    [404, 'SubscriptionNotFound', false],
    [403, 'ResourceNotFound', false],
  ])('%i %s says that the resource is gone: %s', (status, code, gone) => {
    expect(saysGone(status, JSON.stringify({ error: { code, message: '' } }))).toBe(gone);
  });
});

describe('a call without an answer', () => {
  it.each([
    ['ENOTFOUND', 'UNAVAILABLE', 'none'],
    ['ECONNREFUSED', 'UNAVAILABLE', 'none'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNAVAILABLE', 'none'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNAVAILABLE', 'none'],
    ['ECONNRESET', 'TIMED_OUT', 'unknown'],
    ['ETIMEDOUT', 'TIMED_OUT', 'unknown'],
  ])('%s is %s, effect %s', (code, expected, effect) => {
    const error = armUnanswered(Object.assign(new Error('x'), { code }), CALL, false);
    expect(error).toBeInstanceOf(RotationError);
    expect(error).toMatchObject({ code: expected, recovery: 'retry', effect });
  });

  it('that was given up is TIMED_OUT, and nobody knows its effect', () => {
    expect(armUnanswered(new Error('x'), CALL, true)).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
  });
});
