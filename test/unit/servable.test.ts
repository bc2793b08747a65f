import { describe, expect, it } from 'vitest';
import { covers, isWildcard } from '../../src/consumers/proof/names.ts';
import { servableBy } from '../../src/consumers/proof/servable.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type { Reference, ServedCertificate, VersionRef } from '../../src/rotation/ports.ts';

const CERTIFICATE: ServedCertificate = {
  sha256: 'AA',
  sha1: 'BB',
  names: ['www.contoso.com', '*.shop.contoso.com'],
  notAfter: new Date('2027-01-01T00:00:00Z'),
  keyType: 'RSA',
  exportable: true,
  contentType: 'application/x-pkcs12',
};
const OBJECT = { kind: 'certificate', vault: 'https://kv.vault.azure.net', name: 'web' } as const;
const reference = (...hosts: string[]): Reference => ({
  kind: 'gateway',
  id: '/gateways/g#web',
  parent: '/gateways/g',
  hosts,
});
const version = (change: Partial<ServedCertificate> = {}): VersionRef => ({
  object: OBJECT,
  version: '1',
  certificate: { ...CERTIFICATE, ...change },
});

function refusal(act: () => unknown): RotationError {
  try {
    act();
  } catch (error) {
    if (error instanceof RotationError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

it.each([
  ['www.contoso.com', 'WWW.contoso.com', true],
  ['*.contoso.com', 'www.contoso.com', true],
  ['*.contoso.com', '*.contoso.com', true],
  ['*.contoso.com', 'a.www.contoso.com', false],
  ['*.contoso.com', 'contoso.com', false],
  ['www.contoso.com', '*.contoso.com', false],
  ['*.com', 'com', false],
])('a certificate for %s covers %s: %s', (pattern, host, expected) => {
  expect(covers(pattern, host)).toBe(expected);
});

it('a host with a joker is a wildcard', () => {
  expect(['*.a.b', 'a?.b', 'a.b'].map(isWildcard)).toEqual([true, true, false]);
});

describe('a version of a certificate', () => {
  it('fits where it has a key to give and every name', () => {
    expect(servableBy(reference('www.contoso.com', 'a.shop.contoso.com'), version())).toEqual(CERTIFICATE);
  });

  it('is refused with every problem, before anything is changed', () => {
    const error = refusal(() =>
      servableBy(reference('www.contoso.com', 'api.contoso.com'), version({ exportable: false })),
    );
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.problems.map(({ path }) => path)).toEqual(['policy.key_props.exportable', 'policy.x509_props.sans']);
    expect(error.message).toContain('api.contoso.com is not among its names');
    expect(error.remedy).toContain('az keyvault certificate create');
  });

  it('is refused where the object is a plain secret', () => {
    const error = refusal(() => servableBy(reference(), { object: { ...OBJECT, kind: 'secret' }, version: '1' }));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(error.remedy).toContain('az keyvault certificate import');
  });
});
