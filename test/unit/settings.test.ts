import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { allowsHost, readSettings, type Settings } from '../../src/config/settings.ts';
import { RotationError } from '../../src/rotation/errors.ts';

const SUBSCRIPTION = 'abcdef01-2345-6789-abcd-ef0123456789';
const GOOD = {
  KEYTURN_VAULTS: 'https://kv.vault.azure.net/, https://KV2.vault.azure.net',
  KEYTURN_ALLOWED_HOSTS: 'db.example.com *.database.windows.net,pg.example.com:6432 [::1]:5432',
  KeyturnStorage__accountName: 'keyturnsa',
};

const problemsOf = (env: Record<string, string | undefined>): Record<string, string> => {
  try {
    readSettings(env);
  } catch (error) {
    expect(error).toBeInstanceOf(RotationError);
    const { code, recovery, problems } = error as RotationError;
    expect({ code, recovery }).toEqual({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    return Object.fromEntries(problems.map((problem) => [problem.path, problem.message]));
  }
  return expect.fail('the settings should have been refused');
};

describe('settings', () => {
  it('share no vault with the others, and only one that is served', () => {
    expect(readSettings(GOOD).sharedVaults).toEqual([]);
    const shared = readSettings({ ...GOOD, KEYTURN_SHARED_VAULTS: 'https://KV2.vault.azure.net/' });
    expect(shared.sharedVaults).toEqual(['https://kv2.vault.azure.net']);
    expect(problemsOf({ ...GOOD, KEYTURN_SHARED_VAULTS: 'https://kv3.vault.azure.net' })).toMatchObject({
      'settings.KEYTURN_SHARED_VAULTS[0]': expect.stringContaining('KEYTURN_VAULTS') as string,
    });
  });

  it('say who lets callers in, and nothing but the two that there are', () => {
    expect(readSettings({ ...GOOD, KEYTURN_SIGN_IN: 'entra' }).signIn).toBe('entra');
    expect(problemsOf({ ...GOOD, KEYTURN_SIGN_IN: 'Entra' })).toEqual({
      'settings.KEYTURN_SIGN_IN': 'must be "entra" or "key"',
    });
  });

  it('have defaults for everything but the vaults and the storage account', () => {
    const settings = readSettings({ ...GOOD, PATH: '/bin' });
    expect(settings).toMatchObject({
      vaults: ['https://kv.vault.azure.net', 'https://kv2.vault.azure.net'],
      defaults: { validityDays: 90, leadTimeDays: 30, overlapHours: 24, retainVersions: 2 },
      revokeDisablesLogin: false,
      armEndpoint: 'https://management.azure.com',
      graphEndpoint: 'https://graph.microsoft.com',
      loginEndpoint: 'https://login.microsoftonline.com',
      sqlSuffix: '.database.windows.net',
      postgresSuffix: '.postgres.database.azure.com',
      mysqlSuffix: '.mysql.database.azure.com',
      storageSuffix: 'core.windows.net',
      signIn: 'key',
      sweepSchedule: '0 */5 * * * *',
      table: 'keyturn',
      storage: {
        queueUri: 'https://keyturnsa.queue.core.windows.net',
        tableUri: 'https://keyturnsa.table.core.windows.net',
      },
      administrators: [],
      subscriptions: [],
      consumers: {
        restart: 'soft',
        rewritePinned: false,
        frontDoor: 'follow',
        apiManagement: 'follow',
        aks: 'off',
        sentinel: 'Keyturn:Sentinel',
      },
    });
    expect(settings.topicEndpoint).toBeUndefined();
    expect(settings.tenant).toBeUndefined();
  });

  it('take every setting', () => {
    const settings = readSettings({
      KEYTURN_VAULTS: 'https://kv.vault.sandbox.test:18443',
      KEYTURN_DEFAULTS: '{"validityDays":60,"leadTimeDays":7.5,"overlapHours":0,"retainVersions":3}',
      KEYTURN_SUBSCRIPTIONS: `${SUBSCRIPTION.toUpperCase()}, 22222222-2222-2222-2222-222222222222`,
      KEYTURN_CONSUMERS:
        '{"restart":"none","rewritePinned":true,"frontDoor":"push","aks":"restart","apiManagement":"push","sentinel":false}',
      KEYTURN_REVOKE_DISABLES_LOGIN: 'True',
      KEYTURN_TOPIC_ENDPOINT: 'https://topic.eventgrid.azure.net/api/events',
      KEYTURN_ARM_ENDPOINT: 'https://management.chinacloudapi.cn/',
      KEYTURN_GRAPH_ENDPOINT: 'https://microsoftgraph.chinacloudapi.cn/',
      KEYTURN_LOGIN_ENDPOINT: 'https://login.partner.microsoftonline.cn/',
      KEYTURN_TENANT: 'contoso.partner.onmschina.cn',
      KEYTURN_SQL_SUFFIX: '.database.chinacloudapi.cn',
      KEYTURN_POSTGRES_SUFFIX: 'postgres.database.chinacloudapi.cn',
      KEYTURN_MYSQL_SUFFIX: 'mysql.database.chinacloudapi.cn',
      KEYTURN_STORAGE_SUFFIX: 'storage.sandbox.test:4443',
      KEYTURN_SWEEP_SCHEDULE: '0 0/30 8-18 * * Mon-Fri',
      KEYTURN_TABLE: 'journal2',
      KeyturnStorage:
        'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARYKEY==;EndpointSuffix=core.windows.net',
      AZURE_CLIENT_ID: 'c0ffee',
    });
    expect(settings).toMatchObject({
      vaults: ['https://kv.vault.sandbox.test:18443'],
      defaults: { validityDays: 60, leadTimeDays: 7.5, overlapHours: 0, retainVersions: 3 },
      subscriptions: [SUBSCRIPTION, '22222222-2222-2222-2222-222222222222'],
      consumers: {
        restart: 'none',
        rewritePinned: true,
        frontDoor: 'push',
        apiManagement: 'push',
        aks: 'restart',
        sentinel: false,
      },
      revokeDisablesLogin: true,
      topicEndpoint: 'https://topic.eventgrid.azure.net/api/events',
      armEndpoint: 'https://management.chinacloudapi.cn',
      graphEndpoint: 'https://microsoftgraph.chinacloudapi.cn',
      loginEndpoint: 'https://login.partner.microsoftonline.cn',
      tenant: 'contoso.partner.onmschina.cn',
      sqlSuffix: '.database.chinacloudapi.cn',
      postgresSuffix: '.postgres.database.chinacloudapi.cn',
      mysqlSuffix: '.mysql.database.chinacloudapi.cn',
      storageSuffix: 'storage.sandbox.test:4443',
      table: 'journal2',
      identityClientId: 'c0ffee',
    });
    expect(settings.storage.connectionString?.reveal()).toContain('CANARYKEY');
    expect(inspect(settings, { depth: null }) + JSON.stringify(settings)).not.toContain('CANARYKEY');
  });

  it.each([
    ['"App:Version"', 'App:Version'],
    ['null', 'Keyturn:Sentinel'],
    ['false', false],
  ])('take the sentinel %s as %s', (written, sentinel) => {
    const settings = readSettings({ ...GOOD, KEYTURN_CONSUMERS: `{"sentinel":${written}}` });
    expect(settings.consumers.sentinel).toBe(sentinel);
  });

  it('are refused with every problem at once, each with its path', () => {
    const problems = problemsOf({
      KEYTURN_VAULTS: 'https://kv.vault.azure.net http://kv2.vault.azure.net https://kv.vault.azure.net https://kv3/x',
      KEYTURN_ALLOWED_HOSTS: 'good.example.com https://bad.example.com * *.net db.example.com:99999',
      KEYTURN_DEFAULTS: '{"validityDays":0,"retainVersions":1,"overlapHour":3,"leadTimeDays":"30","accounts":"both"}',
      KEYTURN_SUBSCRIPTIONS: `${SUBSCRIPTION} production ${SUBSCRIPTION}`,
      KEYTURN_CONSUMERS: '{"restart":"hard","rewritePinned":"yes","rewritePined":true,"sentinel":"50%"}',
      KEYTURN_REVOKE_DISABLES_LOGIN: 'yes',
      KEYTURN_TOPIC_ENDPOINT: 'http://topic.example.com',
      KEYTURN_ARM_ENDPOINT: 'management.azure.com',
      KEYTURN_GRAPH_ENDPOINT: 'http://graph.microsoft.com',
      KEYTURN_LOGIN_ENDPOINT: 'login.microsoftonline.com',
      KEYTURN_TENANT: '../common',
      KEYTURN_SQL_SUFFIX: 'https://x',
      KEYTURN_SWEEP_SCHEDULE: '*/5 * * * *',
      KEYTURN_TABLE: 'key-turn',
      KEYTURN_VALUTS: 'x',
      KEYTURN_SOMETHING: 'x',
      KeyturnStorage__queueServiceUri: 'http://a.queue.core.windows.net',
    });
    expect(Object.keys(problems).sort()).toEqual(
      [
        'settings.KEYTURN_ALLOWED_HOSTS[1]',
        'settings.KEYTURN_ALLOWED_HOSTS[2]',
        'settings.KEYTURN_ALLOWED_HOSTS[3]',
        'settings.KEYTURN_ALLOWED_HOSTS[4]',
        'settings.KEYTURN_ARM_ENDPOINT',
        'settings.KEYTURN_CONSUMERS.restart',
        'settings.KEYTURN_CONSUMERS.rewritePinned',
        'settings.KEYTURN_CONSUMERS.sentinel',
        'settings.KEYTURN_CONSUMERS.rewritePined',
        'settings.KEYTURN_SUBSCRIPTIONS[1]',
        'settings.KEYTURN_SUBSCRIPTIONS[2]',
        'settings.KEYTURN_DEFAULTS.accounts',
        'settings.KEYTURN_GRAPH_ENDPOINT',
        'settings.KEYTURN_LOGIN_ENDPOINT',
        'settings.KEYTURN_TENANT',
        'settings.KEYTURN_DEFAULTS.leadTimeDays',
        'settings.KEYTURN_DEFAULTS.overlapHour',
        'settings.KEYTURN_DEFAULTS.retainVersions',
        'settings.KEYTURN_DEFAULTS.validityDays',
        'settings.KEYTURN_REVOKE_DISABLES_LOGIN',
        'settings.KEYTURN_SOMETHING',
        'settings.KEYTURN_SQL_SUFFIX',
        'settings.KEYTURN_SWEEP_SCHEDULE',
        'settings.KEYTURN_TABLE',
        'settings.KEYTURN_TOPIC_ENDPOINT',
        'settings.KEYTURN_VALUTS',
        'settings.KEYTURN_VAULTS[1]',
        'settings.KEYTURN_VAULTS[2]',
        'settings.KEYTURN_VAULTS[3]',
        'settings.KeyturnStorage__queueServiceUri',
        'settings.KeyturnStorage__tableServiceUri',
      ].sort(),
    );
    expect(problems['settings.KEYTURN_VALUTS']).toContain('did you mean KEYTURN_VAULTS?');
    expect(problems['settings.KEYTURN_DEFAULTS.overlapHour']).toContain('did you mean overlapHours?');
    expect(problems['settings.KEYTURN_ALLOWED_HOSTS[3]']).toContain('too wide');
    expect(problems['settings.KEYTURN_CONSUMERS.rewritePined']).toContain('did you mean rewritePinned?');
    expect(problems['settings.KEYTURN_CONSUMERS.restart']).toContain('"soft" or "full" or "none"');
  });

  it('are refused when nothing is set, naming what is required', () => {
    expect(Object.keys(problemsOf({ KEYTURN_VAULTS: ' ' }))).toEqual([
      'settings.KEYTURN_VAULTS',
      'settings.KeyturnStorage',
    ]);
  });

  it.each([
    ['no connection string', 'AccountNam=x;CANARY'],
    ['plain http to a host elsewhere', 'AccountName=a;AccountKey=CANARY;TableEndpoint=http://evil.example/a'],
    ['plain http by protocol', 'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=CANARY'],
  ])('refuse a storage connection with %s, without repeating it', (_, KeyturnStorage) => {
    const problems = problemsOf({ KEYTURN_VAULTS: 'https://kv.vault.azure.net', KeyturnStorage });
    expect(Object.keys(problems)).toEqual(['settings.KeyturnStorage']);
    expect(JSON.stringify(problems)).not.toContain('CANARY');
  });

  it.each(['UseDevelopmentStorage=true', 'AccountName=a;AccountKey=k;TableEndpoint=http://127.0.0.1:10002/a'])(
    'take the local emulator: %s',
    (KeyturnStorage) => {
      expect(readSettings({ KEYTURN_VAULTS: 'https://kv.vault.azure.net', KeyturnStorage }).storage).toBeDefined();
    },
  );
});

describe('suffixes of services', () => {
  const SERVICES = { 'cosmos-db': 'documents.azure.com', redis: 'redis.cache.windows.net' };
  const read = (value: unknown): Settings =>
    readSettings({ ...GOOD, KEYTURN_SERVICE_SUFFIXES: JSON.stringify(value) }, SERVICES);

  it('have the defaults that the app gives, and those that are named', () => {
    expect(readSettings(GOOD, SERVICES).serviceSuffixes).toEqual(SERVICES);
    const settings = read({ redis: '.redis.sandbox.test:6380' });
    expect(settings.serviceSuffixes).toEqual({ ...SERVICES, redis: 'redis.sandbox.test:6380' });
    expect(allowsHost(settings, 'orders.redis.sandbox.test:6380')).toBe(true);
    expect(allowsHost(settings, 'orders.redis.sandbox.test:6379')).toBe(false);
    expect(allowsHost(settings, 'orders.documents.azure.com')).toBe(true);
    expect(allowsHost(settings, 'orders.redis.cache.windows.net:6380')).toBe(false);
  });

  it('are refused with every problem at once, each with its path', () => {
    const env = (value: string) => ({ ...GOOD, KEYTURN_SERVICE_SUFFIXES: value });
    const problemsWith = (value: string): Record<string, string> => {
      try {
        readSettings(env(value), SERVICES);
      } catch (error) {
        return Object.fromEntries((error as RotationError).problems.map(({ path, message }) => [path, message]));
      }
      return {};
    };
    const at = 'settings.KEYTURN_SERVICE_SUFFIXES';
    const problems = problemsWith('{"cosmos-bd":"a.b","toString":"a.b","redis":"https://x","cosmos-db":7}');
    expect(Object.keys(problems)).toEqual([`${at}.cosmos-bd`, `${at}.toString`, `${at}.redis`, `${at}.cosmos-db`]);
    expect(problems[`${at}.cosmos-bd`]).toContain('did you mean cosmos-db?');
    expect(problemsWith('["a.b"]')).toEqual({ [at]: 'is not a JSON object' });
    expect(problemsWith('{')).toEqual({ [at]: 'is not JSON' });
  });
});

describe('administrators', () => {
  const read = (value: unknown): Settings => readSettings({ ...GOOD, KEYTURN_ADMINISTRATORS: JSON.stringify(value) });

  it('are found by the most specific pattern', () => {
    const { administrators } = read({
      '*.example.com': { user: 'wide', managedIdentity: true },
      'db.example.com': { user: 'one', secret: 'https://kv.vault.azure.net/secrets/Admin' },
      'db.example.com:1444': { secret: 'https://kv2.vault.azure.net/secrets/both' },
      '*.eu.example.com': { user: 'eu', managedIdentity: true },
    });
    const of = (host: string) => administrators.find((one) => one.matches(host));
    expect(of('db.example.com')).toMatchObject({
      user: 'one',
      secret: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'admin' },
    });
    expect(of('DB.example.com:1444')?.user).toBeUndefined();
    expect(of('x.eu.example.com')?.user).toBe('eu');
    expect(of('x.example.com')?.user).toBe('wide');
    expect(of('example.com')).toBeUndefined();
  });

  it('are refused with every problem at once', () => {
    const value = {
      'https://x': { user: 'a', managedIdentity: true },
      'a.example.com': { managedIdentity: true },
      'b.example.com': { user: 'a', managedIdentity: true, secret: 'https://kv.vault.azure.net/secrets/a' },
      'c.example.com': { user: 'a', secret: 'https://other.vault.azure.net/secrets/a' },
      'd.example.com': { user: 'a', secret: 'https://kv.vault.azure.net/secrets/a/0123' },
      'e.example.com': { user: 7, secret: 'https://kv.vault.azure.net/secrets/a', password: 'CANARY' },
      'f.example.com': 'root',
      'g.example.com': { user: 'a' },
    };
    const problems = problemsOf({ ...GOOD, KEYTURN_ADMINISTRATORS: JSON.stringify(value) });
    const at = (host: string): string => `settings.KEYTURN_ADMINISTRATORS["${host}"]`;
    expect(Object.keys(problems).sort()).toEqual(
      [
        at('https://x'),
        `${at('a.example.com')}.user`,
        at('b.example.com'),
        `${at('c.example.com')}.secret`,
        `${at('d.example.com')}.secret`,
        `${at('e.example.com')}.user`,
        `${at('e.example.com')}.password`,
        at('f.example.com'),
        at('g.example.com'),
      ].sort(),
    );
    expect(problems[`${at('c.example.com')}.secret`]).toContain('not in KEYTURN_VAULTS');
    expect(JSON.stringify(problems)).not.toContain('CANARY');
    expect(problemsOf({ ...GOOD, KEYTURN_ADMINISTRATORS: '{"a": CANARY}' })).toEqual({
      'settings.KEYTURN_ADMINISTRATORS': 'is not JSON',
    });
  });
});

describe('allowed hosts', () => {
  const settings = readSettings(GOOD);
  it.each([
    ['db.example.com', true],
    ['DB.Example.com.', true],
    ['db.example.com:1433', true],
    ['x.db.example.com', false],
    ['evildb.example.com', false],
    ['db.example.com.evil.example', false],
    ['srv.database.windows.net', true],
    ['a.b.database.windows.net', true],
    ['database.windows.net', false],
    ['evil-database.windows.net', false],
    ['pg.example.com:6432', true],
    ['pg.example.com:5432', false],
    ['pg.example.com', false],
    ['[::1]:5432', true],
    ['[::2]:5432', false],
    ['management.azure.com', true],
    ['acct.blob.core.windows.net', true],
    ['acct.table.core.windows.net', false],
    ['', false],
  ])('%s: %s', (host, allowed) => {
    expect(allowsHost(settings, host)).toBe(allowed);
  });
});
