/** The tables of the README say what the code says. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BOUNDS } from '../../src/config/defaults.ts';
import { DEFAULT_SWEEP_SCHEDULE, SETTING_NAMES } from '../../src/config/settings.ts';
import { TAG_NAMES } from '../../src/config/tags.ts';
import type { Administrators, Clock, Rotator } from '../../src/rotation/ports.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { STORAGE_ROW } from '../../src/rotators/arm-key/rows.ts';
import { mysqlRotator } from '../../src/rotators/mysql/rotator.ts';
import { postgresRotator } from '../../src/rotators/postgres/rotator.ts';
import { sqlServerRotator } from '../../src/rotators/sql-server/rotator.ts';

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
  const administrators: Administrators = { for: unused };
  const clock: Clock = { now: unused, after: unused };
  const rotators: readonly Rotator[] = [
    sqlServerRotator({ administrators }),
    postgresRotator({ administrators }),
    mysqlRotator({ administrators }),
    armKeyRotator(STORAGE_ROW, {
      credential: unused,
      armEndpoint: 'https://management.azure.com',
      storageSuffix: 'core.windows.net',
      clock,
    }),
  ];

  test('has the kinds and capabilities of those that src/main.ts registers', () => {
    const said = table('rotators').map(([kind = '', , minting, overlap, revocable]) => [
      ...code(kind),
      minting,
      overlap,
      revocable,
    ]);
    expect(said).toEqual(
      rotators.map(({ kind, capabilities: { minting, overlap, revocable } }) => [
        kind,
        minting,
        overlap,
        revocable ? 'yes' : 'no',
      ]),
    );
  });

  test('misses none', () => {
    const main = readFileSync('src/main.ts', 'utf8');
    const registered = main.match(/^ {4}\w+Rotator\(/gm) ?? [];
    expect(registered).toHaveLength(rotators.length);
  });
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
      Object.values(BOUNDS)
        .map((bound) => bound.fallback)
        .join(', '),
    );
    const storage = [
      ...readFileSync('src/config/storage.ts', 'utf8').matchAll(/setting\(env, '(KeyturnStorage\w*)'\)/g),
    ];
    expect(named.filter((name) => name.startsWith('KeyturnStorage')).sort()).toEqual(
      [...new Set(storage.map(([, name = '']) => name))].sort(),
    );
  });
});
