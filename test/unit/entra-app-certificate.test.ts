import { createPublicKey, generateKeyPairSync, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SecretValue, type ObjectRef } from '../../src/rotation/ports.ts';
import { parseTags, readCertificate, splitSource } from '../../src/rotators/entra-app-certificate/config.ts';
import { readHolding, type Holding } from '../../src/rotators/entra-app-certificate/holding.ts';
import { canSign, proofOfPossession, withAssertion } from '../../src/rotators/entra-app-certificate/jwt.ts';
import type { Application } from '../../src/rotators/entra-app-certificate/key-credentials.ts';
import { ownRegistration, tagBlockers } from '../../src/rotators/entra-app-certificate/registration.ts';
import { splitAddress } from '../../src/rotators/entra/address.ts';

const ID = '0a1b2c3d-0000-4000-8000-000000000001';
const KEY = '0a1b2c3d-0000-4000-8000-000000000002';
const VAULT = 'https://kv.vault.azure.net';
const CERTIFICATE: ObjectRef = { kind: 'certificate', vault: VAULT, name: 'app' };
const NOW = new Date('2026-11-22T08:00:00Z');

const fixture = (name: string): Buffer => readFileSync(`test/fixtures/pkcs12/${name}`);
const THROW_AWAY = new X509Certificate(fixture('certificate.pem'));
const container = (name: string): SecretValue => new SecretValue(fixture(name).toString('base64'));

async function held(value: SecretValue): Promise<Holding> {
  return (await readHolding(value)) ?? expect.fail('it holds nothing');
}

describe('the address of an application and its certificate', () => {
  const parse = (providerAddress: string) =>
    parseTags({ providerAddress, credentialId: ` ${KEY.toUpperCase()} ` }, (vault) => vault === VAULT, ['graph.test']);

  it.each([
    `applications/${ID}?certificate=${VAULT}/certificates/App`,
    `${ID.toUpperCase()}?CERTIFICATE=${VAULT}:443/certificates/app/`,
    ` /applications/${ID}/?certificate=https://KV.vault.azure.net/certificates/app `,
  ])('%s is the same target', (address) => {
    expect(parse(address)).toMatchObject({
      id: `applications/${ID}?certificate=${VAULT}/certificates/app`,
      current: KEY,
      slots: [],
      sources: [CERTIFICATE],
      endsWithCredential: true,
      hosts: ['graph.test', 'kv.vault.azure.net'],
    });
  });

  it('may say the client id instead', () => {
    expect(parse(`appId=${ID}?certificate=${VAULT}/certificates/app`).config.app.path).toBe(
      `/applications(appId='${ID}')`,
    );
  });

  it.each(['', ID, `${ID}?certificate=`, `?certificate`, `${ID}&certificate=${VAULT}/certificates/app`])(
    '%j is not claimed',
    (address) => expect(splitSource(address)).toBeUndefined(),
  );

  it.each([
    `${VAULT}/secrets/app`,
    `${VAULT}/certificates/app/0123`,
    `${VAULT}/certificates/app?x=1`,
    `${VAULT}/certificates/app#x`,
    `${VAULT}/certificates/a_b`,
    'http://kv.vault.azure.net/certificates/app',
    'https://me@kv.vault.azure.net/certificates/app',
    'app',
  ])('%s names no certificate', (url) => expect(readCertificate(url)).toBeUndefined());
});

describe('what a value holds', () => {
  it.each(['pbes2-aes256.pfx', 'legacy-rc2-3des.pfx'])('%s of OpenSSL is opened', async (name) => {
    const holding = await held(container(name));
    expect(holding).toMatchObject({ form: 'PKCS#12', thumbprint: 'A356FFF120C176B2A3B9EBE8573AADB785AC42F0' });
    expect(holding.certificate.raw.equals(THROW_AWAY.raw)).toBe(true);
    expect(holding.notAfter).toEqual(new Date(THROW_AWAY.validTo));
    expect(canSign(holding) && holding.certificate.checkPrivateKey(holding.key)).toBe(true);
  });

  it('PEM is read with the issuers beside it, in any order; without its key it signs nothing', async () => {
    const { key } = await held(container('pbes2-aes256.pfx'));
    const pem = fixture('certificate.pem').toString();
    const pkcs8 = String(key?.export({ format: 'pem', type: 'pkcs8' }));
    expect(await held(new SecretValue(`${pem}${pkcs8}`))).toMatchObject({ form: 'PEM' });
    expect(canSign(await held(new SecretValue(pem)))).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['a password', 'tr0ub4dor&3'],
    ['half a container', fixture('pbes2-aes256.pfx').subarray(0, 900).toString('base64')],
    ['a container with a password', fixture('other-password.pfx').toString('base64')],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ])('%s is no certificate', async (_, text) => expect(await readHolding(new SecretValue(text))).toBeUndefined());

  it('a certificate with the key of another one is none', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const foreign = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    expect(await readHolding(new SecretValue(`${fixture('certificate.pem').toString()}${foreign}`))).toBeUndefined();
  });
});

describe('what is signed', () => {
  const parts = (token: string): readonly Record<string, unknown>[] =>
    token.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);

  it('is an assertion for the token endpoint, good for five minutes, and a proof for Graph', async () => {
    const signer = await held(container('pbes2-aes256.pfx'));
    if (!canSign(signer)) expect.fail('it cannot sign');
    const endpoint = new URL('https://login.test/t/oauth2/v2.0/token');
    const { client_assertion: assertion = '' } = withAssertion(signer, ID, NOW)(endpoint);
    const at = NOW.getTime() / 1000;
    expect(parts(assertion)).toMatchObject([
      {
        alg: 'PS256',
        'x5t#S256': Buffer.from(THROW_AWAY.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
      },
      { aud: endpoint.href, iss: ID, sub: ID, nbf: at, exp: at + 300 },
    ]);
    const proof = proofOfPossession(signer, ID, NOW);
    expect(parts(proof)[1]).toEqual({ aud: '00000002-0000-0000-c000-000000000000', iss: ID, nbf: at, exp: at + 600 });
    const [head = '', body = '', signature = ''] = proof.split('.');
    const key = createPublicKey(THROW_AWAY.publicKey.export({ format: 'pem', type: 'spki' }));
    expect(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
  });
});

describe('whose registration it is', () => {
  const app = splitAddress(ID)?.config ?? expect.fail('no address');
  const withKeys = (...names: readonly string[]): Application => ({
    ...{ app, id: ID, appId: ID, listed: [], readOn: NOW },
    credentials: names.map((displayName, index) => ({
      ...{ keyId: `key-${index}`, displayName, thumbprint: 'T', startsOn: undefined, endsOn: undefined },
    })),
  });
  const holding = { thumbprint: 'T' } as Holding;

  it.each([
    ['this run’s', ['by hand', 'keyturn run-2', 'keyturn run-1'], { keyId: 'key-2' }],
    ['this run’s, before one without a name', ['', 'keyturn run-1'], { keyId: 'key-1' }],
    ['nobody’s: the engine asks whose it is', ['by hand', ''], { keyId: 'key-1', adopted: true }],
    ['another run’s: it gets one of its own', ['keyturn run-2'], undefined],
    ['a person’s: it gets one of its own', ['by hand'], undefined],
  ])('%s', (_, names, expected) => expect(ownRegistration(holding, 'run-1', withKeys(...names))).toEqual(expected));

  it('a tag that names another certificate than the value’s is told, with the right one', () => {
    expect(tagBlockers('KEY-1', holding, withKeys('a', 'b'))).toEqual([]);
    const [blocker] = tagBlockers('key-7', holding, withKeys('a'));
    expect(blocker).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(blocker?.about, 'it keeps the old certificate').toBeUndefined();
    expect(blocker?.remedy).toContain('CredentialId=key-0');
    expect(tagBlockers('key-7', { ...holding, thumbprint: 'removed' }, withKeys('a'))).toEqual([]);
  });

  it('a tag that names somebody else’s certificate is told, also where the value’s own was removed', () => {
    const removed = { ...holding, thumbprint: 'removed' };
    expect(tagBlockers('KEY-0', removed, withKeys('a'))).toMatchObject([{ code: 'CONFIG_INVALID' }]);
    const unknown = {
      ...withKeys(),
      credentials: withKeys('a').credentials.map((one) => ({ ...one, thumbprint: '' })),
    };
    expect(tagBlockers('key-0', removed, unknown)).toEqual([]);
  });
});
