import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeVaultEvents, VAULT_EVENT_TYPES, type VaultEvent } from '../../src/vault/events.ts';

const VERSION = '0123456789abcdef0123456789abcdef';

const data = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  Id: `https://kv.vault.azure.net/secrets/hello/${VERSION}`,
  VaultName: 'kv',
  ObjectType: 'Secret',
  ObjectName: 'hello',
  Version: VERSION,
  NBF: null,
  EXP: null,
  ...changes,
});

/** As captured (facts B1). */
const eventGrid = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: 'e-1',
  topic: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv',
  subject: 'hello',
  eventType: 'Microsoft.KeyVault.SecretNearExpiry',
  data: data(),
  dataVersion: '1',
  metadataVersion: '1',
  eventTime: '2022-09-21T07:08:09.1234567Z',
  ...changes,
});

const cloudEvent = {
  id: 'e-2',
  source: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv',
  specversion: '1.0',
  type: 'Microsoft.KeyVault.SecretExpired',
  subject: 'hello',
  time: '2022-09-21T07:08:09.1234567Z',
  data: data(),
};

const hello = {
  object: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'hello' },
  version: VERSION,
  time: new Date('2022-09-21T07:08:09.123Z'),
};

function only(input: unknown): VaultEvent {
  const { events, refused } = decodeVaultEvents(input);
  expect(refused).toEqual([]);
  expect(events).toHaveLength(1);
  return events[0] ?? expect.fail('no event');
}

function refusal(input: unknown): string {
  const { events, refused } = decodeVaultEvents(input);
  expect(events).toEqual([]);
  expect(refused).toHaveLength(1);
  return refused[0]?.reason ?? '';
}

describe('an event of Key Vault', () => {
  it('is read in the Event Grid schema and in CloudEvents', () => {
    expect(only(eventGrid())).toEqual({ id: 'e-1', type: 'Microsoft.KeyVault.SecretNearExpiry', ...hello });
    expect(only(cloudEvent)).toEqual({ id: 'e-2', type: 'Microsoft.KeyVault.SecretExpired', ...hello });
  });

  it('is read alone, in an array, as JSON, as bytes and as base64', () => {
    const batch = [eventGrid(), cloudEvent];
    const json = JSON.stringify(batch);
    const expected = decodeVaultEvents(batch);
    expect(expected.events.map((event) => event.id)).toEqual(['e-1', 'e-2']);
    for (const input of [json, ` ${json}\n`, Buffer.from(json), Buffer.from(json).toString('base64')]) {
      expect(decodeVaultEvents(input)).toEqual(expected);
    }
  });

  it.each(VAULT_EVENT_TYPES.filter((type) => !type.endsWith('VaultAccessPolicyChanged')))('is known: %s', (type) => {
    const kind = /KeyVault\.(Secret|Key|Certificate)/.exec(type)?.[1]?.toLowerCase() ?? '';
    const Id = `https://kv.vault.azure.net/${kind}s/hello/${VERSION}`;
    expect(only(eventGrid({ eventType: type, data: data({ Id, ObjectType: kind }) }))).toMatchObject({
      type,
      object: { kind, name: 'hello' },
    });
  });

  it('about access policies is about no object, whatever its data', () => {
    const eventType = 'Microsoft.KeyVault.VaultAccessPolicyChanged';
    const expected = { id: 'e-1', type: eventType, time: hello.time };
    expect(only(eventGrid({ eventType }))).toEqual(expected);
    expect(only(eventGrid({ eventType, data: null }))).toEqual(expected);
  });

  it('is read though its fields are misspelt as in the published samples', () => {
    const event = {
      ID: 'e-3',
      EventType: 'microsoft.keyvault.secretnearexpiry',
      data: {
        id: `https://KV.vault.azure.net:443/Secrets/Hello/${VERSION.toUpperCase()} `,
        vaultName: ' KV',
        objecttype: 'secret',
        'ObjectName ': 'HELLO',
        version: ` ${VERSION}`,
        exp: '1663750089',
      },
    };
    expect(only(event)).toEqual({
      id: 'e-3',
      type: 'Microsoft.KeyVault.SecretNearExpiry',
      object: hello.object,
      version: VERSION,
      expiresOn: new Date(1_663_750_089_000),
    });
  });

  it.each([
    [null, undefined],
    [undefined, undefined],
    ['soon', undefined],
    [1_663_750_144, new Date(1_663_750_144_000)],
    ['1663750144.5', new Date(1_663_750_144_500)],
  ])('takes EXP %j', (EXP, expiresOn) => {
    expect(only(eventGrid({ data: data({ EXP }) })).expiresOn).toEqual(expiresOn);
  });

  it('keeps the port of a vault elsewhere, and does without the fields that only repeat', () => {
    const Id = `https://kv.vault.sandbox.test:18443/secrets/hello/${VERSION}`;
    expect(only(eventGrid({ data: { Id } }))).toMatchObject({
      object: { vault: 'https://kv.vault.sandbox.test:18443' },
      version: VERSION,
    });
  });
});

describe('refused with a reason', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /not an object/],
    ['a number', 7, /not an object/],
    ['an empty delivery', [], /no event/],
    ['text', 'hello', /neither JSON nor base64/],
    ['broken JSON', '{"id":', /not JSON/],
    ['an event without id', eventGrid({ id: undefined }), /no id/],
    ['an event without type', eventGrid({ eventType: '' }), /neither eventType nor type/],
    ['a foreign event', eventGrid({ eventType: 'Microsoft.Storage.BlobCreated' }), /not an event of Key Vault/],
    ['an event without data', eventGrid({ data: null }), /no data/],
    ['data without Id', eventGrid({ data: data({ Id: undefined }) }), /no data\.Id/],
    ['an Id that is no address', eventGrid({ data: data({ Id: 'hello' }) }), /no object's address/],
    ['a vault over http', eventGrid({ data: data({ Id: 'http://kv.vault.azure.net/secrets/hello/1' }) }), /address/],
    [
      'a user in the address',
      eventGrid({ data: data({ Id: 'https://u@kv.vault.azure.net/secrets/hello/1' }) }),
      /address/,
    ],
    ['an impossible port', eventGrid({ data: data({ Id: 'https://kv:99999/secrets/hello/1' }) }), /address/],
    ['another vault', eventGrid({ data: data({ VaultName: 'other' }) }), /VaultName "other"/],
    ['another kind', eventGrid({ data: data({ ObjectType: 'Key' }) }), /ObjectType "Key"/],
    ['another collection', eventGrid({ eventType: 'Microsoft.KeyVault.KeyExpired' }), /is in "secrets"/],
    ['another name', eventGrid({ data: data({ ObjectName: 'bye' }) }), /ObjectName "bye"/],
    ['another version', eventGrid({ data: data({ Version: 'ffff' }) }), /Version "ffff"/],
  ])('%s', (_, input, reason) => {
    expect(refusal(input)).toMatch(reason);
  });

  it('one by one, so that the good ones of a batch are not lost', () => {
    const { events, refused } = decodeVaultEvents([eventGrid(), { id: 'bad' }, cloudEvent]);
    expect(events.map((event) => event.id)).toEqual(['e-1', 'e-2']);
    expect(refused).toEqual([{ id: 'bad', reason: 'the event has neither eventType nor type' }]);
  });
});

it('whatever comes, nothing is thrown, and every event is taken or refused', () => {
  const field = fc.constantFrom('id', 'Id ', 'eventType', 'type', 'data', 'EXP', 'VaultName', 'ObjectType', 'Version');
  const value = fc.oneof(fc.anything(), fc.constantFrom(...VAULT_EVENT_TYPES), fc.constant(data()));
  const event = fc.oneof(fc.anything(), fc.dictionary(field, value), fc.dictionary(field, fc.dictionary(field, value)));
  fc.assert(
    fc.property(fc.oneof(event, fc.array(event, { minLength: 1 }), fc.string()), (input) => {
      const { events, refused } = decodeVaultEvents(input);
      const expected = Array.isArray(input) && input.length > 0 ? input.length : 1;
      expect(events.length + refused.length).toBe(expected);
      for (const one of refused) expect(one.reason).not.toBe('');
    }),
    { numRuns: 500 },
  );
});
