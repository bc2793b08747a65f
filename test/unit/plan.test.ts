import { describe, expect, it } from 'vitest';
import type { CurrentVersion, Managed, RotationPolicy } from '../../src/rotation/ports.ts';
import { credentialIdOf, nextVersion, plan, rotationIdOf, slotOwned } from '../../src/rotation/plan.ts';
import { SecretValue } from '../../src/rotation/secret-value.ts';
import { days, OBJECT, TAGS } from '../support/memory/bench.ts';
import { Calls } from '../support/memory/calls.ts';
import { DAY, NOW } from '../support/memory/clock.ts';
import { MemoryRotator } from '../support/memory/rotator.ts';
import { containing } from '../support/memory/text.ts';

const rotator = new MemoryRotator(new Calls());
const policy: RotationPolicy = {
  validityMs: 90 * DAY,
  leadTimeMs: 30 * DAY,
  overlapMs: DAY,
  retainVersions: 2,
  paused: false,
};
const managed = (credentialId: string, alternate?: string): Managed => ({
  policy,
  rotator,
  target: rotator.parseTarget({
    credentialId,
    providerAddress: 'bank.example',
    ...(alternate === undefined ? {} : { alternateCredentialId: alternate }),
  }),
});
const current = (value: string, tags: Record<string, string> = TAGS, contentType?: string): CurrentVersion => ({
  version: 'v1',
  enabled: true,
  createdOn: NOW,
  updatedOn: NOW,
  managed: false,
  tags,
  value: new SecretValue(value),
  ...(contentType === undefined ? {} : { contentType }),
});
const issued = { credentialId: 'b', slot: 'b', value: new SecretValue('new') };

describe('a plan', () => {
  it('takes the slot that is not in use', () => {
    expect(plan(OBJECT, managed('a', 'b'), current('old'))).toMatchObject({ idle: 'b', issued: { slot: 'a' } });
  });

  it('is refused where there is no second slot', () => {
    expect(() => plan(OBJECT, managed('a'), current('old'))).toThrow('names no second slot beside a');
  });

  it('is refused where the value holds another account than the tags say', () => {
    const value = current(JSON.stringify({ user: 'c', password: 'hunter2' }));
    expect(() => plan(OBJECT, managed('a', 'b'), value)).toThrow('says a, but the value holds the account c');
    expect(() => plan(OBJECT, managed('a', 'b'), value)).toThrow(/^(?!.*hunter2)/);
  });
});

describe('a system that names the users in values', () => {
  const VALUE = 'Endpoint=https://x.azconfig.io;Id=id-a;Secret=old';
  const naming = (): Managed => {
    const plain = managed('a', 'b');
    return { ...plain, target: { ...plain.target, namesUsers: true } };
  };
  const write = (value: string, more: object = {}) =>
    nextVersion(plan(OBJECT, naming(), current(value)), { ...issued, ...more }, 'r1', NOW).value.reveal();

  it('is told the one that the value holds, whatever the tags say, and none where it holds none', () => {
    expect(plan(OBJECT, naming(), current(VALUE)).issued).toMatchObject({ credentialId: 'a', user: 'id-a' });
    expect('user' in plan(OBJECT, naming(), current('old')).issued).toBe(false);
  });

  it('gives the value the user of its new credential', () => {
    expect(write(VALUE, { user: 'id-b' })).toBe('Endpoint=https://x.azconfig.io;Id=id-b;Secret=new');
    expect(write('old', { user: 'id-b' })).toBe('new');
  });

  it('keeps the user for the look ahead, when there is no new credential yet', () => {
    expect(write(VALUE)).toBe('Endpoint=https://x.azconfig.io;Id=id-a;Secret=new');
  });
});

describe('the next version', () => {
  const next = (value: string, tags?: Record<string, string>, type?: string, more: object = {}) => {
    const planned = plan(OBJECT, managed('a', 'b'), current(value, tags, type));
    return nextVersion(planned, { ...issued, ...more }, 'r1', NOW);
  };

  it.each([
    ['a bare password', 'old', 'new'],
    ['an account in JSON', '{"user":"a","password":"old","x":1}', '{"user":"b","password":"new","x":1}'],
    ['an account with its server', '{"user":"a@srv","password":"old"}', '{"user":"b@srv","password":"new"}'],
    ['a password in JSON without an account', '{"password":"old","x":1}', '{"password":"new","x":1}'],
  ])('changes only account and password of %s', (_, value, then) => {
    expect(next(value).value.reveal()).toBe(then);
  });

  it('gives the new account no server where the old one is not known to have one', () => {
    const planned = plan(OBJECT, managed('a', 'b'), current('{"user":"a@srv","password":"old"}'));
    const odd = { ...planned, issued: { ...planned.issued, credentialId: 'c' } };
    expect(nextVersion(odd, issued, 'r1', NOW).value.reveal()).toBe('{"user":"b","password":"new"}');
  });

  it('keeps every tag and its spelling, and swaps the pair', () => {
    const tags = { credentialid: 'a', ALTERNATECREDENTIALID: 'b', rotationid: 'r0', team: 'x' };
    expect(next('old', tags).tags).toEqual({
      credentialid: 'b',
      ALTERNATECREDENTIALID: 'a',
      rotationid: 'r1',
      team: 'x',
    });
  });

  it('adds no alternate where there was none', () => {
    expect(next('old', {}).tags).toEqual({ CredentialId: 'b', RotationId: 'r1' });
  });

  it('expires with its validity, or with the credential where that is earlier', () => {
    expect(next('old').expiresOn).toEqual(days(90));
    expect(next('old', TAGS, undefined, { notAfter: days(30) }).expiresOn).toEqual(days(30));
    expect(next('old', TAGS, undefined, { notAfter: days(300) }).expiresOn).toEqual(days(90));
  });

  it('ends with its credential where the target says so, unless the tag itself says sooner', () => {
    const ending = (tags: Record<string, string>, notAfter: Date) => {
      const from = managed('a', 'b');
      const target = { ...from.target, endsWithCredential: true as const };
      const planned = plan(OBJECT, { ...from, target }, { ...current('old'), tags });
      return nextVersion(planned, { ...issued, notAfter }, 'r1', NOW).expiresOn;
    };
    expect(ending(TAGS, days(300))).toEqual(days(300));
    expect(ending({ ...TAGS, validityperioddays: '90' }, days(300))).toEqual(days(90));
    expect(ending({ ...TAGS, validityperioddays: '90' }, days(30))).toEqual(days(30));
  });

  it('keeps the content type', () => {
    expect(next('old', TAGS, 'text/plain').contentType).toBe('text/plain');
    expect('contentType' in next('old')).toBe(false);
  });
});

it('tags are read in any spelling', () => {
  expect(rotationIdOf({ rotationID: 'r' })).toBe('r');
  expect(rotationIdOf({})).toBeUndefined();
  expect(credentialIdOf({ CREDENTIALID: 'a' })).toBe('a');
  expect(credentialIdOf({})).toBeUndefined();
});

it('an owner of the slots is named, with what to do', () => {
  expect(slotOwned('bank:x', OBJECT)).toMatchObject({
    code: 'SLOT_OWNED',
    message: containing('/secrets/db'),
    remedy: containing('remove the tag'),
  });
});
