import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration, TAG_NAMES } from '../../src/config/tags.ts';
import { configInvalid, RotationError } from '../../src/rotation/errors.ts';
import type { Managed, Rotator, TargetInput } from '../../src/rotation/ports.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-11-22T12:00:00Z');

/** Enough of a rotator for what reads tags: it claims addresses by a prefix, and its host is the rest. */
function rotator(kind: string, prefix: string): Rotator {
  const never = (): never => expect.fail('reading tags calls no backing system');
  return {
    kind,
    capabilities: { minting: 'engine', overlap: 'two-slots', revocable: true, proof: 'log-in' },
    claims: (address) => address.startsWith(prefix),
    parseTarget(input: TargetInput) {
      const problems = [
        ...(input.credentialId === 'sa' ? [{ path: 'tags.CredentialId', message: 'is a built-in login' }] : []),
        ...(input.providerAddress.includes(' ') ? [{ path: 'tags.ProviderAddress', message: 'has a space' }] : []),
      ];
      if (problems.length > 0) throw configInvalid('the pair', problems);
      const other = input.alternateCredentialId ?? `${input.credentialId}_alt`;
      const host = input.providerAddress.replace(prefix, '');
      return { id: host, slots: [input.credentialId, other], current: input.credentialId, hosts: [host], config: {} };
    },
    describe: never,
    check: never,
    list: never,
    set: never,
    test: never,
    revoke: never,
  };
}

const settings = readSettings({
  KEYTURN_VAULTS: 'https://kv.vault.azure.net',
  KEYTURN_ALLOWED_HOSTS: '*.example.com',
  KeyturnStorage: 'UseDevelopmentStorage=true',
});
const rotators = [rotator('sql-server', 'sql:'), rotator('postgres', 'pg:'), rotator('greedy', 'pg:both.')];
const configuration = createConfiguration(settings, rotators, () => NOW);

const HERE = { vault: 'https://kv.vault.azure.net' };
const SAMPLE = { CredentialId: 'app_a', ProviderAddress: 'sql:db.example.com', ValidityPeriodDays: '60' };

function accepted(tags: Record<string, string>): Managed {
  return configuration.managed(tags, HERE) ?? expect.fail('the secret is not managed');
}

function refused(tags: Record<string, string>): RotationError {
  try {
    configuration.managed(tags, HERE);
  } catch (error) {
    expect(error).toMatchObject({ name: 'RotationError', code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    return error as RotationError;
  }
  return expect.fail('the tags should have been refused');
}

describe('a secret is managed', () => {
  it.each<[string, Record<string, string>]>([
    ['by ProviderAddress', { ProviderAddress: 'sql:db.example.com', CredentialId: 'a' }],
    ['by Rotator', { Rotator: 'sql-server', ProviderAddress: 'db.example.com', credentialid: 'a' }],
    ["by the tags of Microsoft's samples", SAMPLE],
    ['whatever the case of the names', { CREDENTIALID: 'a', provideraddress: 'sql:db.example.com' }],
  ])('%s', (_, tags) => {
    expect(accepted(tags)).toMatchObject({ rotator: { kind: 'sql-server' } });
  });

  it.each<[string, Record<string, string>]>([
    ['no tag', {}],
    ["somebody else's tags", { Environment: 'prod', Paused: 'true', owner: 'team-a' }],
    ["somebody else's CredentialId", { CredentialId: 'x', Paused: 'nonsense' }],
    ['only what Keyturn wrote', { RotationId: 'x' }],
    ['a validity of its own', { ValidityPeriodDays: '90' }],
  ])('not with %s', (_, tags) => {
    expect(configuration.managed(tags, HERE)).toBeUndefined();
  });
});

describe('a misspelt tag', () => {
  it.each([
    [{ CredentialId: 'a', ProviderAdress: 'sql:db.example.com' }, 'tags.ProviderAdress', 'ProviderAddress'],
    [{ CredentialID: 'a', ProvidrAddress: 'x', Owner: 'me' }, 'tags.ProvidrAddress', 'ProviderAddress'],
    [{ ...SAMPLE, OverlapHour: '3' }, 'tags.OverlapHour', 'OverlapHours'],
    [{ ...SAMPLE, LeadTimeDay: '3' }, 'tags.LeadTimeDay', 'LeadTimeDays'],
    [{ ...SAMPLE, Rotatr: 'postgres' }, 'tags.Rotatr', 'Rotator'],
  ])('is reported: %o', (tags, path, meant) => {
    expect(refused(tags).problems).toContainEqual({ path, message: `there is no such tag; did you mean ${meant}?` });
  });

  it('is not seen in tags that are merely of somebody else', () => {
    expect(accepted({ ...SAMPLE, Environment: 'prod', Rotate: 'no', CostCenter: '7', file: 'x' })).toBeDefined();
  });
});

describe('the policy', () => {
  it("has the settings' defaults", () => {
    expect(accepted(SAMPLE).policy).toEqual({
      validityMs: 60 * DAY,
      leadTimeMs: 30 * DAY,
      overlapMs: DAY,
      retainVersions: 2,
      paused: false,
    });
  });

  it('takes every tag', () => {
    const tags = {
      ...SAMPLE,
      AlternateCredentialId: 'app_b',
      ValidityPeriodDays: '10',
      LeadTimeDays: '2.5',
      OverlapHours: '0.5',
      RetainVersions: '5',
      Paused: 'TRUE',
      ValueFormat: 'AdoNet',
      RotationWindow: 'Fri-Mon,Wed 22:00-04:00',
      RotationId: 'ignored',
    };
    const { policy, target } = accepted(tags);
    expect(policy).toEqual({
      validityMs: 10 * DAY,
      leadTimeMs: 2.5 * DAY,
      overlapMs: DAY / 48,
      retainVersions: 5,
      paused: true,
      format: 'adonet',
      window: { days: [0, 1, 3, 5, 6], startMinute: 22 * 60, endMinute: 4 * 60 },
    });
    expect(target.slots).toEqual(['app_a', 'app_b']);
  });

  it('refuses a validity that is not longer than the lead time, and explains the 30 days', () => {
    for (const ValidityPeriodDays of ['1', '30']) {
      const [problem] = refused({ ...SAMPLE, ValidityPeriodDays }).problems;
      expect(problem?.path).toBe('tags.ValidityPeriodDays');
      expect(problem?.message).toMatch(/30 days by default.*Key Vault's own warning comes 30 days.*LeadTimeDays/);
    }
    expect(accepted({ ...SAMPLE, ValidityPeriodDays: '32' }).policy.validityMs).toBe(32 * DAY);
    expect(accepted({ ...SAMPLE, ValidityPeriodDays: '5', LeadTimeDays: '2' }).policy.leadTimeMs).toBe(2 * DAY);
  });

  it('refuses an overlap that reaches the next rotation', () => {
    expect(refused({ ...SAMPLE, OverlapHours: '720' }).problems[0]?.path).toBe('tags.OverlapHours');
    expect(accepted({ ...SAMPLE, OverlapHours: '719' })).toBeDefined();
  });

  it('refuses an expiry after 2038-01-19, when it knows the time', () => {
    const late = createConfiguration(settings, rotators, () => new Date('2030-01-01T00:00:00Z'));
    const tags = { ...SAMPLE, ValidityPeriodDays: '3650' };
    expect(() => late.managed(tags, HERE)).toThrow(/2038-01-19/);
    expect(createConfiguration(settings, rotators).managed(tags, HERE)).toBeDefined();
  });

  it('leaves room for RotationId among the 15 tags', () => {
    const own = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`mine${n}`, 'x']));
    expect(accepted({ ...SAMPLE, ...own, RotationId: 'r' })).toBeDefined();
    expect(refused({ ...SAMPLE, ...own, one: 'more' }).problems[0]?.path).toBe('tags');
  });
});

describe('problems are reported all at once', () => {
  it('with their paths', () => {
    const error = refused({
      CredentialId: 'sa',
      ProviderAddress: 'sql:with space',
      providerAddress: 'again',
      ValidityPeriodDays: 'ninety',
      LeadTimeDays: '-1',
      OverlapHours: '1e3',
      RetainVersions: '1',
      RotationWindow: '25:00-26:00',
      Paused: 'yes',
      ValueFormat: 'xml',
      OverlapHuors: '1',
    });
    expect(error.problems.map((problem) => problem.path).sort()).toEqual(
      [
        'tags.CredentialId',
        'tags.LeadTimeDays',
        'tags.OverlapHours',
        'tags.OverlapHuors',
        'tags.Paused',
        'tags.ProviderAddress',
        'tags.RetainVersions',
        'tags.RotationWindow',
        'tags.ValidityPeriodDays',
        'tags.ValueFormat',
        'tags.providerAddress',
      ].sort(),
    );
    for (const problem of error.problems) expect(error.message).toContain(`${problem.path}: ${problem.message}`);
  });

  it('for a host that is not allowed, with the setting in the remedy', () => {
    const error = refused({ ...SAMPLE, ProviderAddress: 'sql:db.evil.example' });
    expect(error.problems).toEqual([
      { path: 'tags.ProviderAddress', message: 'host db.evil.example is not in KEYTURN_ALLOWED_HOSTS' },
    ]);
    expect(error.remedy).toContain('KEYTURN_ALLOWED_HOSTS');
  });

  it.each<[string, Record<string, string>, string, RegExp]>([
    ['an unknown rotator', { ...SAMPLE, Rotator: 'oracle' }, 'tags.Rotator', /sql-server, postgres, greedy$/],
    ['a misspelt rotator', { ...SAMPLE, Rotator: 'sql-sever' }, 'tags.Rotator', /did you mean sql-server\?/],
    ['an address nobody claims', { ...SAMPLE, ProviderAddress: 'x' }, 'tags.ProviderAddress', /set the tag Rotator/],
    [
      'two claims',
      { ...SAMPLE, ProviderAddress: 'pg:both.example.com' },
      'tags.ProviderAddress',
      /postgres and greedy/,
    ],
    ['no account', { ProviderAddress: 'sql:db.example.com' }, 'tags.CredentialId', /required/],
    ['no address', { Rotator: 'postgres', CredentialId: 'a' }, 'tags.ProviderAddress', /required/],
  ])('%s', (_, tags, path, message) => {
    const { problems } = refused(tags);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe(path);
    expect(problems[0]?.message).toMatch(message);
  });

  it('and a bug of a rotator is not made a problem of the tags', () => {
    const broken = { ...rotator('broken', 'sql:'), parseTarget: () => expect.fail('a bug') };
    expect(() => createConfiguration(settings, [broken]).managed(SAMPLE, HERE)).toThrow('a bug');
  });
});

describe('a database that is rotated with a pair of accounts or with a single one', () => {
  const single = (): Rotator => ({
    ...rotator('sql-server-single', 'sql:'),
    capabilities: { minting: 'engine', overlap: 'none', revocable: false, proof: 'log-in' },
  });
  const kindOf = (accounts: 'pair' | 'single', tags: Record<string, string>): string | undefined => {
    const defaults = { ...settings.defaults, accounts };
    const both = createConfiguration({ ...settings, defaults }, [...rotators, single()], () => NOW);
    return both.managed(tags, HERE)?.rotator.kind;
  };

  it.each<['pair' | 'single', string, Record<string, string>, string]>([
    ['pair', 'says nothing of an account beside it', {}, 'sql-server'],
    ['single', 'says nothing of an account beside it', {}, 'sql-server-single'],
    ['single', 'names the second account', { AlternateCredentialId: 'b' }, 'sql-server'],
    ['pair', 'names the rotator', { Rotator: 'sql-server-single' }, 'sql-server-single'],
    ['single', 'names the rotator', { Rotator: 'sql-server' }, 'sql-server'],
    ['single', 'lies in a system that knows only pairs', { ProviderAddress: 'pg:db.example.com' }, 'postgres'],
  ])('by default %s: a secret that %s', (accounts, _, tags, kind) => {
    expect(kindOf(accounts, { ...SAMPLE, ...tags })).toBe(kind);
  });
});

describe('a rotator that needs neither account nor address', () => {
  const random: Rotator = { ...rotator('random', 'never:'), needs: [] };
  const configured = createConfiguration(settings, [
    { ...random, parseTarget: () => ({ id: '', slots: [], current: '', hosts: [], config: {} }) },
  ]);

  it('gets neither', () => {
    expect(configured.managed({ Rotator: 'random' }, HERE)?.target.id).toBe('');
  });

  it('has its values in the shape that a tag says', () => {
    const shape = configured.managed({ Rotator: 'random', ValueShape: 'whsec_{base64:24}' }, HERE)?.policy.shape;
    expect(shape).toEqual([{ literal: 'whsec_' }, { alphabet: 'base64', length: 24 }]);
  });

  it.each([
    ['{hex:8}', /has 64 random bits, and a secret needs 112/],
    ['{base46:32}', /did you mean base64\?/],
    ['{nothing:32}', /there are password, alphanumeric/],
    ['{digits:99999}', /it is 4 to 4096/],
    ['}{hex:32}', /belongs to no/],
  ])('is told what is wrong with the shape %s', (ValueShape, says) => {
    expect(() => configured.managed({ Rotator: 'random', ValueShape }, HERE)).toThrow(says);
  });
});

describe('vaults', () => {
  it('are served when the settings name them', () => {
    expect(configuration.serves('https://KV.vault.azure.net/')).toBe(true);
    expect(configuration.serves('https://other.vault.azure.net')).toBe(false);
  });
});

describe('docs/tags.schema.json', () => {
  const schema = JSON.parse(readFileSync('docs/tags.schema.json', 'utf8')) as { properties: object };
  const validate = new Ajv2020({ allErrors: true, strict: true }).compile(schema);

  it('describes every tag', () => {
    expect(Object.keys(schema.properties)).toEqual([...TAG_NAMES]);
  });

  const values: Record<string, { good: string[]; bad: string[] }> = {
    CredentialId: { good: ['a', "o'brien]--"], bad: [''] },
    ProviderAddress: { good: ['sql:db.example.com'], bad: [''] },
    ValidityPeriodDays: {
      good: ['60', '90', '999', '3650', '1000', '3599', '3649'],
      bad: ['', '0', '3651', '-1', '1.5', '060', '9e1', ' 60', '60 ', 'ninety', '10000'],
    },
    Rotator: { good: ['sql-server'], bad: [''] },
    AlternateCredentialId: { good: ['app_b'], bad: [] },
    LeadTimeDays: { good: ['0', '0.5', '29', '15.0001'], bad: ['', '-1', '3651', '3650.1', '.5', '1.00001', '01'] },
    OverlapHours: { good: ['0', '24', '0.25', '100'], bad: ['', '-1', '8761', '8760.5', '1h', '99999'] },
    RetainVersions: { good: ['2', '10', '99', '500'], bad: ['', '0', '1', '501', '2.5'] },
    RotationWindow: {
      good: ['22:00-04:00', 'Sat,Sun 01:00-05:00', 'mon-FRI 20:00-24:00', 'Fri-Mon,Wed 00:00-00:01'],
      bad: ['', '22-04', '24:00-01:00', '22:00-24:01', 'Sat 1:00-2:00', 'Mon-Tue-Wed 01:00-02:00', 'Sam 01:00-02:00'],
    },
    Paused: { good: ['true', 'False', 'TRUE'], bad: ['', 'yes', '1', 'true '] },
    ValueFormat: { good: ['bare', 'JSON', 'adonet', 'libpq', 'jdbc', 'url'], bad: ['', 'xml', 'pq'] },
    ValueShape: {
      good: ['{hex:32}', 'whsec_{base64:24}', 'a{alphanumeric:20}-{digits:9}z'],
      bad: ['', 'abc', '{hex}', '{hox:32}', '{hex:0}', '{hex:32', 'x}{hex:32}'],
    },
    RotationId: { good: ['', 'anything'], bad: [] },
  };
  const cases = Object.entries(values).flatMap(([tag, { good, bad }]) => [
    ...good.map((value) => [tag, value, true] as const),
    ...bad.map((value) => [tag, value, false] as const),
  ]);

  it.each(cases)('agrees with the parser on %s=%j: %s', (tag, value, good) => {
    const tags = { ...SAMPLE, ...(tag === 'RotationWindow' ? { Environment: 'prod' } : {}), [tag]: value };
    expect(validate(tags)).toBe(good);
    if (good) expect(accepted(tags)).toBeDefined();
    else expect(refused(tags).problems.map((problem) => problem.path)).toContain(`tags.${tag}`);
  });

  it('asks for account and address, as the parser does', () => {
    expect(validate({ Rotator: 'postgres' })).toBe(false);
    expect(validate(SAMPLE)).toBe(true);
  });
});

describe('a value that comes from another secret', () => {
  const computed: Rotator = {
    ...rotator('computed', 'https:'),
    needs: ['ProviderAddress'],
    parseTarget: ({ providerAddress }) => {
      const { origin, host } = new URL(providerAddress);
      const sources = [{ kind: 'secret' as const, vault: origin, name: 'db' }];
      return { id: providerAddress, slots: [], current: '', sources, hosts: [host], config: {} };
    },
  };
  const read = (shared: string) => {
    const env = {
      KEYTURN_VAULTS: 'https://kv.vault.azure.net https://payroll.vault.azure.net',
      KEYTURN_SHARED_VAULTS: shared,
      KeyturnStorage: 'UseDevelopmentStorage=true',
    };
    return createConfiguration(readSettings(env), [computed], () => NOW);
  };
  const from = (vault: string) => ({ ProviderAddress: `https://${vault}.vault.azure.net/secrets/db` });

  it('is taken from the same vault', () => {
    expect(read('').managed(from('kv'), HERE)?.target.sources).toHaveLength(1);
  });

  it('is not taken from another vault, which its author may not read, unless the settings share that one', () => {
    expect(() => read('').managed(from('payroll'), HERE)).toThrow(/KEYTURN_SHARED_VAULTS/);
    expect(() => read('https://kv.vault.azure.net').managed(from('payroll'), HERE)).toThrow(/KEYTURN_SHARED_VAULTS/);
    expect(read('https://payroll.vault.azure.net').managed(from('payroll'), HERE)?.target.sources).toHaveLength(1);
  });
});
