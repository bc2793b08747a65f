/** The tables of the README say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CERTIFICATE_ROTATOR, CERTIFICATE_TAG_NAMES } from '../../src/config/certificate-tags.ts';
import { BOUNDS } from '../../src/config/defaults.ts';
import { KEY_ROTATOR, KEY_TAG_NAMES } from '../../src/config/key-tags.ts';
import { DEFAULT_SWEEP_SCHEDULE, readSettings, SETTING_NAMES } from '../../src/config/settings.ts';
import { TAG_NAMES } from '../../src/config/tags.ts';
import { PLACES } from '../../sandbox/arm/places.ts';
import { KEY_USER_ROWS } from '../../src/consumers/key-users/users.ts';
import { createRotators } from '../../src/main.ts';

const readme = readFileSync('README.md', 'utf8');

/** The table behind a comment, cell by cell, without its head. */
function table(name: string): readonly (readonly string[])[] {
  const text = readme.split(`<!-- ${name}`)[1]?.split(`<!-- /${name} -->`)[0] ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const code = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
const unused = (): never => {
  throw new Error('nothing is called to read the capabilities');
};

describe('the table of rotators', () => {
  const settings = readSettings({
    KEYTURN_VAULTS: 'https://kv.vault.azure.net',
    KeyturnStorage: 'UseDevelopmentStorage=true',
  });
  const vault = { current: unused, validate: unused, write: unused, versions: unused, disable: unused, list: unused };
  const rotators = createRotators(settings, vault, unused, { now: unused, after: unused });

  test('has every rotator that is registered, with its capabilities, and no other', () => {
    const said = table('rotators').map(([kind = '', , minting, overlap, revocable, , proof]) => [
      ...code(kind),
      ...[minting, overlap, revocable, proof],
    ]);
    const declared = rotators.map(({ kind, capabilities }) => {
      const { minting, overlap, revocable, proof } = capabilities;
      return [kind, minting, overlap, revocable ? 'yes' : 'no', proof];
    });
    // Neither has a value that a rotator could set: the engine has the vault make the version (docs/adr/0007 and 0012).
    expect(said).toEqual([
      ...declared,
      [KEY_ROTATOR, 'system', 'not needed', 'no', 'read-back'],
      [CERTIFICATE_ROTATOR, 'system', 'not needed', 'no', 'handshake'],
    ]);
  });
});

test('`npm run demo -- --all` has an object for every rotator of the table', () => {
  const sources = ['objects', 'all', 'key'].map((name) => readFileSync(`sandbox/demo/${name}.ts`, 'utf8')).join('\n');
  const seeded = [...sources.matchAll(/rotator: '([\w-]+)'/g)].map(([, kind = '']) => kind);
  // Certificates have a demo of their own.
  const kinds = new Set([...seeded, ...PLACES.map(({ kind }) => kind), CERTIFICATE_ROTATOR]);
  const listed = table('rotators').flatMap(([kind = '']) => code(kind));
  expect(listed.filter((kind) => !kinds.has(kind))).toEqual([]);
});

describe('the table of tags', () => {
  const rows = new Map(table('tags').map(([name = '', , fallback = '']) => [code(name)[0] ?? name, fallback]));

  test('has every tag that is read or written, and no other', () => {
    expect([...rows.keys()]).toEqual([...TAG_NAMES]);
    const schema = JSON.parse(readFileSync('docs/tags.schema.json', 'utf8')) as { properties: object };
    expect([...rows.keys()].sort()).toEqual(Object.keys(schema.properties).sort());
  });

  test.each([
    ['ValidityPeriodDays', BOUNDS.validityDays.fallback],
    ['LeadTimeDays', BOUNDS.leadTimeDays.fallback],
    ['OverlapHours', BOUNDS.overlapHours.fallback],
    ['RetainVersions', BOUNDS.retainVersions.fallback],
  ])('%s has the default %d', (name, fallback) => {
    expect(rows.get(name)).toBe(String(fallback));
  });
});

describe('the table of users of keys', () => {
  const text = readFileSync('src/consumers/key-users/README.md', 'utf8');
  const rows = (name: string): readonly string[] =>
    (text.split(`<!-- ${name} -->`)[1] ?? '').split('\n').filter((line) => line.startsWith('| `'));

  test('has every kind, with the actions and the role that it needs', () => {
    const said = rows('users').map((row) => code(row).concat(/_(.+?)_/.exec(row)?.[1] ?? ''));
    const key = { vault: 'https://kv.vault.azure.net', name: 'k', version: 'v' };
    expect(said).toEqual(
      KEY_USER_ROWS.map((row) => [
        ...[row.type, row.reads],
        ...row.moves({}, key).flatMap(({ action, once }) => (once === undefined ? [action] : [once.reads, action])),
        row.role,
      ]),
    );
  });

  test('has every tag', () => {
    const named = rows('tags').flatMap((row) => code(row.split('|')[1] ?? ''));
    const ranged = KEY_TAG_NAMES.filter((name) => !/^KeyUser[2-8]$/.test(name));
    expect(named).toEqual(ranged);
  });
});

test('the table of a certificate’s tags has every one that is read', () => {
  const text = readFileSync('docs/certificates.md', 'utf8').split('<!-- tags -->')[1]?.split('<!-- /tags -->')[0] ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.map((row) => code(row)[0])).toEqual([...CERTIFICATE_TAG_NAMES]);
});

describe('the table of settings', () => {
  const rows = table('settings');
  const named = rows.flatMap(([names = '', meaning = '']) => [
    ...code(names),
    ...code(meaning).filter((name) => name.startsWith('KeyturnStorage')),
  ]);
  const ours = ['AZURE_CLIENT_ID', ...SETTING_NAMES];

  test('has every setting, and no other', () => {
    expect(named.filter((name) => !name.startsWith('KeyturnStorage')).sort()).toEqual([...ours].sort());
  });

  test('has the settings of local.settings.sample.json, but for the platform’s own', () => {
    const sample = JSON.parse(readFileSync('local.settings.sample.json', 'utf8')) as { Values: Record<string, string> };
    const platform = ['FUNCTIONS_WORKER_RUNTIME', 'AzureWebJobsStorage', 'APPLICATIONINSIGHTS_CONNECTION_STRING'];
    expect(named.sort()).toEqual(
      Object.keys(sample.Values)
        .filter((name) => !platform.includes(name))
        .sort(),
    );
  });

  test('has the defaults', () => {
    const fallback = (name: string): string => rows.find(([names = '']) => code(names).includes(name))?.[2] ?? '';
    expect(fallback('KEYTURN_SWEEP_SCHEDULE')).toBe(`\`${DEFAULT_SWEEP_SCHEDULE}\``);
    expect(fallback('KEYTURN_DEFAULTS')).toBe(
      [...Object.values(BOUNDS).map((bound) => bound.fallback), '`pair`', '`tagged`'].join(', '),
    );
    const storage = [
      ...readFileSync('src/config/storage.ts', 'utf8').matchAll(/setting\(env, '(KeyturnStorage\w*)'\)/g),
    ];
    expect(named.filter((name) => name.startsWith('KeyturnStorage')).sort()).toEqual(
      [...new Set(storage.map(([, name = '']) => name))].sort(),
    );
  });
});
