import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { KEY_TAG_NAMES, readKeyTags } from '../../src/config/key-tags.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { leftToVault, plus, vaultRotatesAt } from '../../src/rotation/keys/vault-policy.ts';
import type { KeyRotationPolicy } from '../../src/rotation/ports.ts';

const DEFAULTS = {
  validityDays: 90,
  leadTimeDays: 30,
  overlapHours: 24,
  retainVersions: 2,
  accounts: 'pair',
  certificates: 'tagged',
} as const;
const DAY = 86_400_000;
const user = (name: string): string =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/${name}`;
const read = (tags: Record<string, string>, now?: Date) => readKeyTags(tags, DEFAULTS, now);

function problems(tags: Record<string, string>, now?: Date): readonly string[] {
  try {
    read(tags, now);
  } catch (error) {
    if (error instanceof RotationError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('the tags of a key', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['Rotator', { Rotator: 'vault-key' }, true],
    ['a user, in any case', { keyuser3: user('a') }, true],
    ['somebody else’s', { team: 'x', Paused: 'true' }, false],
    ['none', {}, false],
  ])('%s: managed or not', (_, tags, managed) => {
    expect(read(tags) !== undefined).toBe(managed);
  });

  it('name each user once, in the order of the tags, and the dates as for secrets', () => {
    const tags = { KeyUser9: user('c'), KeyUser: ` ${user('a')}/ `, KeyUser1: user('A'), ValidityPeriodDays: '365' };
    expect(read({ ...tags, LeadTimeDays: '7.5', RotationWindow: '22:00-04:00', Paused: 'True' })).toEqual({
      rotator: 'vault-key',
      users: [user('a'), user('c')],
      policy: {
        validityMs: 365 * DAY,
        leadTimeMs: 7.5 * DAY,
        overlapMs: 0,
        retainVersions: 1,
        paused: true,
        window: { startMinute: 22 * 60, endMinute: 4 * 60 },
      },
    });
  });

  it('are reported with every problem', () => {
    const found = problems({
      Rotator: 'sql-server',
      KeyUser: 'ordersdata',
      KeyUser10: user('b'),
      ValidityPeriodDays: '20',
      Paused: 'perhaps',
    });
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'tags.KeyUser10',
      'tags.Rotator',
      'tags.KeyUser',
      'tags.ValidityPeriodDays',
      'tags.Paused',
    ]);
    expect(found.join()).toContain('did you mean KeyUser1');
    expect(problems({ Rotator: 'vault-key', ValidityPeriodDays: '3000' }, new Date('2036-01-01'))).toHaveLength(1);
  });

  it('are those of docs/key-tags.schema.json', () => {
    const schema = JSON.parse(readFileSync('docs/key-tags.schema.json', 'utf8')) as { properties: object };
    const valid = new Ajv2020({ allErrors: true, strict: true }).compile(schema);
    expect(Object.keys(schema.properties)).toEqual([...KEY_TAG_NAMES]);
    const cases: readonly Record<string, string>[] = [
      { Rotator: 'vault-key' },
      { Rotator: 'postgres' },
      { KeyUser: user('a'), Paused: 'TRUE', LeadTimeDays: '0.25' },
      { KeyUser1: 'ordersdata' },
      { KeyUser: user('a'), ValidityPeriodDays: '0' },
      { KeyUser: user('a'), RotationWindow: 'Mon-Fri 20:00-24:00' },
      { KeyUser: user('a'), RotationWindow: 'now' },
    ];
    expect(cases.map((tags) => valid(tags))).toEqual(cases.map((tags) => problems(tags).length === 0));
  });
});

describe('the vault’s own rotation', () => {
  const date = (text: string): Date => new Date(`${text}T12:00:00Z`);
  const current = { createdOn: date('2026-01-31'), expiresOn: date('2026-12-31') };
  const after = (from: 'creation' | 'expiry', months: number, days: number): KeyRotationPolicy => ({
    rotates: { from, period: { months, days } },
  });

  it.each([
    ['2026-01-31', { months: 1, days: 0 }, '2026-02-28'],
    ['2028-02-29', { months: 12, days: 0 }, '2029-02-28'],
    ['2026-11-30', { months: 3, days: 1 }, '2027-03-01'],
  ])('counts by the calendar: %s plus %j is %s', (from, period, to) => {
    expect(plus(date(from), period)).toEqual(date(to));
  });

  it('comes so long after the making or before the end, or never', () => {
    expect(vaultRotatesAt(after('creation', 0, 90), current)).toEqual(date('2026-05-01'));
    expect(vaultRotatesAt(after('expiry', 1, 0), current)).toEqual(date('2026-11-30'));
    expect(vaultRotatesAt(after('expiry', 1, 0), { createdOn: current.createdOn })).toBeUndefined();
    expect(vaultRotatesAt({}, current)).toBeUndefined();
  });

  it.each([
    ['it is still to come', after('expiry', 0, 10), '2026-12-05', true],
    ['it was to come an hour ago', after('expiry', 0, 10), '2026-12-21', true],
    ['it is a day late', after('expiry', 0, 10), '2026-12-22', false],
    ['it comes when the key has expired', after('creation', 24, 0), '2026-12-05', false],
    ['there is none', {}, '2026-12-05', false],
  ])('is waited for when %s: %j at %s', (_, policy, now, waited) => {
    expect(leftToVault(policy, current, date(now)) !== undefined).toBe(waited);
  });
});
