/** The settings KEYTURN_HTTP_APIS and KEYTURN_EXTERNAL, and the secrets that they name. */
import { describe, expect, test } from 'vitest';
import { readSettings, type Settings } from '../../src/config/settings.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue, type Call, type CurrentVersion, type ObjectRef } from '../../src/rotation/ports.ts';
import { createNamedSecrets } from '../../src/vault/named-secrets.ts';

const SECRET = 'https://kv.vault.azure.net/secrets/Administrator';

function read(name: string, value: unknown): Settings {
  return readSettings({
    KEYTURN_VAULTS: 'https://kv.vault.azure.net',
    KeyturnStorage: 'UseDevelopmentStorage=true',
    [name]: typeof value === 'string' ? value : JSON.stringify(value),
  });
}

function problemsOf(name: string, value: unknown): readonly string[] {
  try {
    read(name, value);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    return error.problems.map(({ path, message }) => `${path.replace(`settings.${name}`, '')}: ${message}`);
  }
  return [];
}

describe('KEYTURN_HTTP_APIS', () => {
  test('names instances, each with its description, its secret and its variables', () => {
    const { httpApis } = read('KEYTURN_HTTP_APIS', {
      Mail: { description: 'sendgrid', secret: SECRET, variables: { scopes: ['mail.send'] } },
      own: {
        description: { name: 'x' },
        secret: SECRET,
        host: 'API.example.com:8443',
        lifetimeDays: 90,
        allowPrivate: true,
      },
    });
    const secret = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'administrator' };
    expect(httpApis).toEqual([
      { name: 'Mail', description: 'sendgrid', secret, variables: { scopes: ['mail.send'] }, allowPrivate: false },
      {
        ...{ name: 'own', description: { name: 'x' }, secret, variables: {}, allowPrivate: true },
        ...{ host: 'api.example.com:8443', lifetimeDays: 90 },
      },
    ]);
    expect(read('KEYTURN_HTTP_APIS', '').httpApis).toEqual([]);
  });

  test('is refused with every problem at once, and without repeating what may be secret', () => {
    const problems = problemsOf('KEYTURN_HTTP_APIS', {
      'a b': { description: 'sendgrid', secret: SECRET },
      x: {
        description: 7,
        secret: 'CANARY',
        host: 'https://a.example',
        lifetimeDays: 1,
        allowPrivate: 'yes',
        surplus: 1,
      },
      X: { description: 'sendgrid', secret: 'https://other.vault.azure.net/secrets/a', variables: [] },
      y: { description: 'sendgrid', secret: SECRET },
      Y: 'sendgrid',
    });
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      ...['["a b"]', '["x"].surplus', '["x"].description', '["x"].host', '["x"].secret', '["x"].lifetimeDays'],
      ...['["x"].allowPrivate', '["X"].secret', '["X"].variables', '["Y"]', '["Y"]'],
    ]);
    expect(problems.join()).not.toContain('CANARY');
    expect(problemsOf('KEYTURN_HTTP_APIS', '{CANARY')).toEqual([': is not JSON']);
  });
});

describe('KEYTURN_EXTERNAL', () => {
  test('names endpoints, each with the key that both share', () => {
    const { external } = read('KEYTURN_EXTERNAL', {
      erp: { url: 'https://rotate.example.com/keyturn', secret: SECRET },
      pair: { url: 'https://rotate.example.com:8443', secret: SECRET, overlap: 'two-slots', allowPrivate: true },
    });
    expect(external).toMatchObject([
      { name: 'erp', url: 'https://rotate.example.com/keyturn', overlap: 'many', allowPrivate: false },
      { name: 'pair', url: 'https://rotate.example.com:8443/', overlap: 'two-slots', allowPrivate: true },
    ]);
  });

  test.each([
    'http://a.example/',
    'https://u:CANARY@a.example/',
    'https://a.example/?key=CANARY',
    'https://a.example/#x',
    'a',
    7,
  ])('is refused with the url %s, which is not repeated', (url) => {
    const problems = problemsOf('KEYTURN_EXTERNAL', { erp: { url, secret: SECRET } });
    expect(problems).toEqual(['["erp"].url: is not an https address without user, query and fragment']);
  });

  test('is refused with every problem at once', () => {
    const given = { url: 'https://a.example/', secret: 7, overlap: 'none', allowPrivate: 1, surplus: 1 };
    expect(problemsOf('KEYTURN_EXTERNAL', { erp: given, x: [] }).map((problem) => problem.split(': ')[0])).toEqual([
      ...['["erp"].surplus', '["erp"].secret', '["erp"].overlap', '["x"]'],
    ]);
  });
});

describe('a secret that a setting names', () => {
  const secret: ObjectRef = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'administrator' };
  const at = (ms: number): Call => ({ signal: new AbortController().signal, now: () => new Date(ms) });

  test('is read once in five minutes, and again when it was refused', async () => {
    let reads = 0;
    const named = createNamedSecrets({
      current: () => Promise.resolve({ value: new SecretValue(`value ${(reads += 1)}`) } as CurrentVersion),
    });
    const read = async (ms: number): Promise<string> => (await named.read(secret, at(ms))).reveal();
    expect(await Promise.all([read(0), read(0), read(299_999)])).toEqual(['value 1', 'value 1', 'value 1']);
    named.forget(secret);
    expect(await read(1)).toBe('value 2');
    expect(await read(300_001)).toBe('value 3');
  });

  test('is not kept when it could not be read', async () => {
    let reads = 0;
    const named = createNamedSecrets({
      current: () => {
        reads += 1;
        if (reads === 1) return Promise.reject(new Error('not now'));
        return Promise.resolve({ value: new SecretValue('value') } as CurrentVersion);
      },
    });
    await expect(named.read(secret, at(0))).rejects.toThrow('not now');
    expect((await named.read(secret, at(0))).reveal()).toBe('value');
  });
});
