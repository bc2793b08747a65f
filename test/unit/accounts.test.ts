/** What the rotators of database accounts have in common. */
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/rotation/errors.ts';
import { pairOf, pairedWith, singleOf, type Naming } from '../../src/rotators/accounts/pairs.ts';

describe('the second account by convention', () => {
  it.each([
    ['app', 'app_alt', 'app_alt'],
    ['app_alt', 'app', 'app'],
    ['APP_ALT', 'APP_ALT_alt', 'APP'],
    ['App_Alt', 'App_Alt_alt', 'App'],
    ['_alt', '_alt_alt', '_alt_alt'],
    ['', '_alt', '_alt'],
  ])('of %j is %j, and where names have no case %j', (name, exact, anyCase) => {
    expect(pairedWith(name)).toBe(exact);
    expect(pairedWith(name, true)).toBe(anyCase);
  });
});

describe('the accounts that tags name', () => {
  const naming: Naming = {
    check: (path, name, problems) => {
      if (name.includes('!')) problems.push({ path, message: 'is bad' });
    },
  };
  const read = (credentialId: string, alternate?: string, how: Naming = naming) => {
    const problems: Problem[] = [];
    const tags = alternate === undefined ? {} : { alternateCredentialId: alternate };
    const slots = pairOf({ credentialId, providerAddress: '', ...tags }, how, problems);
    return { slots, paths: problems.map(({ path }) => path) };
  };

  it('are two, as they are spelled, the current one first', () => {
    expect(read('b', 'A')).toEqual({ slots: ['b', 'A'], paths: [] });
  });

  it.each([
    ['a', 'a', undefined],
    ['a', 'A', true],
  ] as const)('are refused where %s and %s are one', (one, other, anyCase) => {
    const how = anyCase === undefined ? naming : { ...naming, anyCase };
    expect(read(one, other, how).paths).toEqual(['tags.AlternateCredentialId']);
  });

  it('are both named where both are wrong, but a name that was made of a wrong one is not', () => {
    expect(read('a!', 'b!').paths).toEqual(['tags.CredentialId', 'tags.AlternateCredentialId']);
    expect(read('a!').paths).toEqual(['tags.CredentialId']);
  });

  it('are one for a single account, whatever the alternate', () => {
    const problems: Problem[] = [];
    const input = { credentialId: 'a!', alternateCredentialId: 'b!', providerAddress: '' };
    expect(singleOf(input, naming, problems)).toEqual(['a!']);
    expect(problems.map(({ path }) => path)).toEqual(['tags.CredentialId']);
  });
});
