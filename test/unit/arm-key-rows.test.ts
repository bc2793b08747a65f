/** The rows of the arm-key rotator say what the services say (facts C and E), and each address has one row. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration } from '../../src/config/tags.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Rotator } from '../../src/rotation/ports.ts';
import type { ArmKeyConfig, ArmKeyRow } from '../../src/rotators/arm-key/row.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { ARM_KEY_ROWS, SERVICE_SUFFIXES } from '../../src/rotators/arm-key/rows.ts';
import { PLACES } from '../../sandbox/arm/places.ts';

const GROUP = '/subscriptions/0a1b2c3d-0000-4000-8000-000000000001/resourceGroups/rg/providers/';
const deps = {
  credential: () => Promise.reject(new Error('nothing here may ask for a token')),
  armEndpoint: 'https://management.azure.com',
  storageSuffix: 'core.windows.net',
  serviceSuffixes: {},
  clock: { now: () => new Date(0), after: () => () => undefined },
};
const rotators = ARM_KEY_ROWS.map((row) => armKeyRotator(row, deps));
const NAMES: Readonly<Record<string, string>> = { rule: 'Root', entity: 'q1', database: 'default', function: 'fn' };
const idOf = (address: string): string =>
  GROUP + address.replaceAll(/\{(\w+)\}/g, (_, place: string) => NAMES[place] ?? 'orders1');

function rotatorOf(kind: string): Rotator<ArmKeyConfig> {
  const rotator = rotators.find((one) => one.kind === kind);
  if (rotator === undefined) throw new Error(`there is no row ${kind}`);
  return rotator;
}

/** A kind, and both calls of it for the second slot, below the id, as facts C has them. */
const CALLS: readonly (readonly [kind: string, list: string, regenerate: string])[] = [
  ['storage-account', '/listKeys?api-version=2025-08-01', '/regenerateKey?api-version=2025-08-01 {"keyName":"key2"}'],
  ['cosmos-db', '/listKeys?api-version=2025-10-15', '/regenerateKey?api-version=2025-10-15 {"keyKind":"secondary"}'],
  ['redis', '/listKeys?api-version=2024-11-01', '/regenerateKey?api-version=2024-11-01 {"keyType":"Secondary"}'],
  [
    'managed-redis',
    '/listKeys?api-version=2022-01-01',
    '/regenerateKey?api-version=2022-01-01 {"keyType":"Secondary"}',
  ],
  [
    'service-bus',
    '/listKeys?api-version=2021-11-01',
    '/regenerateKeys?api-version=2021-11-01 {"keyType":"SecondaryKey"}',
  ],
  [
    'event-hubs',
    '/listKeys?api-version=2024-01-01',
    '/regenerateKeys?api-version=2024-01-01 {"keyType":"SecondaryKey"}',
  ],
  ['relay', '/listKeys?api-version=2017-04-01', '/regenerateKeys?api-version=2017-04-01 {"keyType":"SecondaryKey"}'],
  [
    'notification-hubs',
    '/listKeys?api-version=2017-04-01',
    '/regenerateKeys?api-version=2017-04-01 {"policyKey":"SecondaryKey"}',
  ],
  ['event-grid-topic', '/listKeys?api-version=2022-06-15', '/regenerateKey?api-version=2022-06-15 {"keyName":"key2"}'],
  ['event-grid-domain', '/listKeys?api-version=2022-06-15', '/regenerateKey?api-version=2022-06-15 {"keyName":"key2"}'],
  ['signalr', '/listKeys?api-version=2023-02-01', '/regenerateKey?api-version=2023-02-01 {"keyType":"Secondary"}'],
  ['web-pubsub', '/listKeys?api-version=2024-03-01', '/regenerateKey?api-version=2024-03-01 {"keyType":"Secondary"}'],
  [
    'cognitive-services',
    '/listKeys?api-version=2025-09-01',
    '/regenerateKey?api-version=2025-09-01 {"keyName":"Key2"}',
  ],
  ['ai-search', '/listAdminKeys?api-version=2025-05-01', '/regenerateAdminKey/secondary?api-version=2025-05-01'],
  ['maps', '/listKeys?api-version=2023-06-01', '/regenerateKey?api-version=2023-06-01 {"keyType":"secondary"}'],
  ['batch', '/listKeys?api-version=2023-11-01', '/regenerateKeys?api-version=2023-11-01 {"keyName":"Secondary"}'],
  [
    'app-configuration',
    '/listKeys?api-version=2023-03-01',
    '/regenerateKey?api-version=2023-03-01 {"id":"<id of Secondary>"}',
  ],
  [
    'container-registry',
    '/listCredentials?api-version=2025-11-01',
    '/regenerateCredential?api-version=2025-11-01 {"name":"password2"}',
  ],
  [
    'log-analytics',
    '/sharedKeys?api-version=2020-08-01',
    '/regenerateSharedKey?api-version=2020-08-01&keyType=secondarySharedKey',
  ],
  ['apim-subscription', '/listSecrets?api-version=2024-05-01', '/regenerateSecondaryKey?api-version=2024-05-01'],
];

describe('the calls of a row', () => {
  it.each(CALLS)('%s: POST %s, POST %s', (kind, list, regenerate) => {
    const row = rowOf(kind);
    const address = idOf(row.addresses[0] ?? '');
    const [first, second] = 'rule' in row.pairs ? ['', ''] : (row.pairs[0] ?? ['', '']);
    const target = rotatorOf(kind).parseTarget({ providerAddress: address, credentialId: first });
    expect(rotatorOf(kind).describe(target, second)).toEqual([
      `POST https://management.azure.com${address}${list} (reads both keys)`,
      `POST https://management.azure.com${address}${regenerate} (makes a new ${second})`,
    ]);
  });

  it('iot-hub: reads the keys of one policy, and puts the whole hub', () => {
    const id = idOf('Microsoft.Devices/IotHubs/{name}/IotHubKeys/{rule}');
    const target = rotatorOf('iot-hub').parseTarget({ providerAddress: id, credentialId: 'primaryKey' });
    const [list, put] = rotatorOf('iot-hub').describe(target, 'secondaryKey');
    expect(list).toContain(`POST https://management.azure.com${id}/listkeys?api-version=2023-06-30`);
    expect(put).toContain(
      `PUT https://management.azure.com${id.replace('/IotHubKeys/Root', '')}?api-version=2023-06-30`,
    );
  });

  it.each([
    ['host/default/functionKeys', 'host/default/listkeys'],
    ['host/default/systemKeys', 'host/default/listkeys'],
    ['functions/fn/keys', 'functions/fn/listkeys'],
  ])('function-keys: %s are listed by %s and put one by one', (set, list) => {
    const site = `${GROUP}Microsoft.Web/sites/orders1`;
    const input = { providerAddress: `${site}/${set}`, credentialId: 'a', alternateCredentialId: 'b' };
    expect(rotatorOf('function-keys').describe(rotatorOf('function-keys').parseTarget(input), 'b')).toEqual([
      `POST https://management.azure.com${site}/${list}?api-version=2025-05-01 (reads both keys)`,
      `PUT https://management.azure.com${site}/${set}/b?api-version=2025-05-01 {"properties":{"name":"b","value":null}} (makes a new b)`,
    ]);
  });

  test('are all of them here', () => {
    expect([...CALLS.map(([kind]) => kind), 'iot-hub', 'function-keys'].sort()).toEqual(
      ARM_KEY_ROWS.map(({ kind }) => kind).sort(),
    );
  });
});

describe('an address', () => {
  it.each(ARM_KEY_ROWS.flatMap(({ kind, addresses }) => addresses.map((address) => [kind, address] as const)))(
    '%s %s is claimed by its own row alone, and met in the sandbox',
    (kind, address) => {
      for (const written of [idOf(address), idOf(address).toUpperCase(), `${idOf(address)}/`]) {
        expect(rotators.filter((one) => one.claims(written)).map((one) => one.kind)).toEqual([kind]);
      }
      const places = PLACES.filter((place) => place.kind === kind && place.address === address);
      if (kind !== 'storage-account') expect(places).not.toEqual([]);
    },
  );

  it('is one system however it is spelled, and the two pairs of an account are slots of that one', () => {
    const id = idOf('Microsoft.DocumentDB/databaseAccounts/{name}');
    const targets = ['primary', 'SECONDARY', 'primaryreadonly', 'secondaryReadonly'].map((credentialId, n) =>
      rotatorOf('cosmos-db').parseTarget({ providerAddress: n % 2 === 0 ? id : id.toUpperCase(), credentialId }),
    );
    expect(new Set(targets.map((target) => target.id))).toEqual(new Set([id.toLowerCase()]));
    expect(targets.map((target) => target.slots)).toEqual([
      ['primary', 'secondary'],
      ['primary', 'secondary'],
      ['primaryReadonly', 'secondaryReadonly'],
      ['primaryReadonly', 'secondaryReadonly'],
    ]);
  });

  it.each(ARM_KEY_ROWS)('$kind refuses a name that is none, and says what one is', (row) => {
    for (const [place, { rule }] of Object.entries(row.names)) {
      const address = row.addresses.find((one) => one.includes(`{${place}}`)) ?? '';
      const written = address.replace(`{${place}}`, 'a b').replaceAll(/\{(\w+)\}/g, 'orders1');
      const attempt = () =>
        rotatorOf(row.kind).parseTarget({
          providerAddress: GROUP + written,
          credentialId: 'x',
          alternateCredentialId: 'y',
        });
      const error = refusal(attempt);
      expect(error.problems).toContainEqual({ path: 'tags.ProviderAddress', message: rule });
    }
  });
});

describe('a slot', () => {
  it.each(ARM_KEY_ROWS.filter(({ pairs }) => !('rule' in pairs)))(
    '$kind: is taken in any case, and spelled as the service spells it',
    (row) => {
      for (const pair of row.pairs as readonly (readonly [string, string])[]) {
        for (const slot of pair) {
          const input = { providerAddress: idOf(row.addresses[0] ?? ''), credentialId: ` ${slot.toUpperCase()} ` };
          const target = rotatorOf(row.kind).parseTarget(input);
          expect([target.current, target.slots]).toEqual([slot, pair]);
        }
      }
    },
  );

  it('of a Functions app is any two names, and the master key is none', () => {
    const id = idOf('Microsoft.Web/sites/{name}/host/default/functionKeys');
    const parse = (credentialId: string, alternateCredentialId?: string) =>
      rotatorOf('function-keys').parseTarget({
        providerAddress: id,
        credentialId,
        ...(alternateCredentialId === undefined ? {} : { alternateCredentialId }),
      });
    expect(parse('default', 'blue')).toMatchObject({ current: 'default', slots: ['blue', 'default'] });
    expect(parse('blue', 'default')).toMatchObject({ current: 'blue', slots: ['blue', 'default'] });
    expect(refusal(() => parse('_master', 'blue')).problems.map(({ path }) => path)).toEqual(['tags.CredentialId']);
    expect(refusal(() => parse('default')).message).toContain('tags.AlternateCredentialId: is required');
  });
});

describe('the tags of Microsoft’s rotation samples', () => {
  const configuration = createConfiguration(
    readSettings(
      { KEYTURN_VAULTS: 'https://kv.vault.azure.net', KeyturnStorage__accountName: 'keyturn' },
      SERVICE_SUFFIXES,
    ),
    rotators,
  );

  it.each([
    ['Microsoft.Storage/storageAccounts', 'key1', 'storage-account', ['key1', 'key2']],
    ['Microsoft.Cache/redis', 'Primary', 'redis', ['Primary', 'Secondary']],
    ['Microsoft.Cache/redis', 'Secondary', 'redis', ['Primary', 'Secondary']],
    ['Microsoft.DocumentDB/databaseAccounts', 'Primary', 'cosmos-db', ['primary', 'secondary']],
  ])('%s %s work as they are', (type, CredentialId, kind, slots) => {
    const tags = { CredentialId, ProviderAddress: `${GROUP}${type}/orders1`, ValidityPeriodDays: '60' };
    const managed = configuration.managed(tags, { vault: 'https://kv.vault.azure.net' });
    expect([managed?.rotator.kind, managed?.target.slots]).toEqual([kind, slots]);
  });
});

describe('a row', () => {
  it.each(ARM_KEY_ROWS)('$kind: actions are of its namespace, and name what is called', (row) => {
    for (const address of row.addresses) {
      const { config } = rotatorOf(row.kind).parseTarget({
        providerAddress: idOf(address),
        ...('rule' in row.pairs
          ? { credentialId: 'a', alternateCredentialId: 'b' }
          : { credentialId: row.pairs[0]?.[0] ?? '' }),
      });
      const namespace = address.split('/')[0]?.toLowerCase() ?? '';
      for (const { action } of [row.list(config), row.regenerate('primaryKey', config)]) {
        expect(action.toLowerCase()).toMatch(new RegExp(`^${namespace}/[a-z0-9/]+/(?:action|write)$`));
      }
    }
  });

  it.each(ARM_KEY_ROWS)('$kind: reads no key from what is no answer', (row) => {
    const config = { type: 'x', path: '', names: {}, name: 'x', subscriptionId: '', resourceGroup: '' };
    for (const body of [
      undefined,
      null,
      'text',
      7,
      [],
      {},
      { value: [] },
      { primaryKey: 7, key1: '', keys: [null, 1] },
    ]) {
      expect(row.readKeys(body, config).size).toBe(0);
    }
  });

  it('that is tried on the service has a host with a suffix of its own', () => {
    const tried = ARM_KEY_ROWS.filter(({ proof }) => proof !== 'read back').map(({ kind }) => kind);
    expect([...Object.keys(SERVICE_SUFFIXES), 'storage-account'].sort()).toEqual([...tried].sort());
    const input = { providerAddress: idOf('Microsoft.Cache/redis/{name}'), credentialId: 'Primary' };
    const hostsOf = (serviceSuffixes: Record<string, string>) =>
      armKeyRotator(rowOf('redis'), { ...deps, serviceSuffixes }).parseTarget(input).hosts;
    expect(hostsOf({})).toEqual(['management.azure.com', 'orders1.redis.cache.windows.net:6380']);
    expect(hostsOf({ redis: 'redis.example:7000' })).toEqual(['management.azure.com', 'orders1.redis.example:7000']);
  });
});

describe('the table in the rotator’s README', () => {
  const readme = readFileSync('src/rotators/arm-key/README.md', 'utf8');
  const text = readme.split('<!-- rows -->')[1]?.split('<!-- /rows -->')[0] ?? '';
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const code = (cell = ''): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, one = '']) => one);

  it('says what the rows say', () => {
    expect(
      cells.map(([kind, address, slots, role, , proof]) => [code(kind)[0], code(address), code(slots), role, proof]),
    ).toEqual(
      ARM_KEY_ROWS.map((row) => [
        row.kind,
        row.addresses.map((address) => address.replaceAll(/\{(\w+)\}/g, '<$1>')),
        'rule' in row.pairs ? [] : row.pairs.flat(),
        row.role,
        row.proof === 'read back' ? row.proof : 'data plane',
      ]),
    );
  });
});

function rowOf(kind: string): ArmKeyRow {
  const row = ARM_KEY_ROWS.find((one) => one.kind === kind);
  if (row === undefined) throw new Error(`there is no row ${kind}`);
  return row;
}

function refusal(attempt: () => unknown): RotationError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
