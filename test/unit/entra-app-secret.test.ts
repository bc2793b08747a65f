import { describe, expect, it } from 'vitest';
import type { RotationError } from '../../src/rotation/errors.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { splitAddress } from '../../src/rotators/entra/address.ts';
import { graphRefusal } from '../../src/rotators/entra/graph-errors.ts';
import { logInRefusal } from '../../src/rotators/entra/log-in-errors.ts';
import { tenantOf } from '../../src/rotators/entra/log-in.ts';
import { isYoung } from '../../src/rotators/entra/propagation.ts';

const ID = '0a1b2c3d-0000-4000-8000-000000000001';
const NOW = new Date('2026-11-22T08:00:00Z');

describe('the address of an application', () => {
  it.each([ID, ID.toUpperCase(), ` ${ID} `, `applications/${ID}`, `/applications/${ID}/`, `Applications/${ID}`])(
    '%s is the same target',
    (address) => {
      expect(splitAddress(address)?.id).toBe(`applications/${ID}`);
      expect(splitAddress(address)?.config.path).toBe(`/applications/${ID}`);
    },
  );

  it.each([`appId=${ID}`, `APPID=${ID.toUpperCase()}`])('%s is the client id', (address) => {
    expect(splitAddress(address)?.config.path).toBe(`/applications(appId='${ID}')`);
  });

  it.each(['', 'orders', `{${ID}}`, `appId='${ID}'`, `servicePrincipals/${ID}`, `/subscriptions/${ID}`, `${ID}/${ID}`])(
    '%j is not claimed',
    (address) => expect(splitAddress(address)).toBeUndefined(),
  );
});

describe('a refusal of Microsoft Graph', () => {
  const facts = {
    what: 'POST /applications/x/addPassword',
    host: 'graph.example',
    anyId: ID,
    credential: 'secret',
    mutates: true,
  } as const;
  const refusal = (status: number, code = '', message = '', mutates = true, retryAfter?: string): RotationError =>
    graphRefusal(
      { status, text: JSON.stringify({ error: { code, message } }), header: () => retryAfter },
      { ...facts, mutates },
      NOW,
    );

  it.each([
    [400, 'Request_BadRequest', 'CONFIG_INVALID', 'reconfigure', 'none'],
    [400, 'TooManyAppPasswords', 'CONFLICT', 'human', 'none'],
    [400, 'Directory_ResourceSizeExceeded', 'CONFLICT', 'human', 'none'],
    [400, 'CredentialTypeNotAllowedAsPerAppPolicy', 'ACCESS_DENIED', 'reconfigure', 'none'],
    [400, 'CredentialInvalidLifetimeAsPerAppPolicy', 'CONFIG_INVALID', 'reconfigure', 'none'],
    [401, 'InvalidAuthenticationToken', 'ACCESS_DENIED', 'reconfigure', 'none'],
    [403, 'Authorization_RequestDenied', 'ACCESS_DENIED', 'reconfigure', 'none'],
    [404, 'Request_ResourceNotFound', 'TARGET_NOT_FOUND', 'reconfigure', 'none'],
    [408, '', 'TIMED_OUT', 'retry', 'unknown'],
    [409, '', 'CONFLICT', 'retry', 'none'],
    [415, '', 'CONFIG_INVALID', 'reconfigure', 'none'],
    [429, 'TooManyRequests', 'THROTTLED', 'retry', 'none'],
    [500, '', 'UNAVAILABLE', 'retry', 'unknown'],
    [503, 'serviceNotAvailable', 'UNAVAILABLE', 'retry', 'unknown'],
    [504, '', 'TIMED_OUT', 'retry', 'unknown'],
  ] as const)('%d %s is %s, %s, %s', (status, code, expected, recovery, effect) => {
    expect(refusal(status, code, 'why\nmore')).toMatchObject({ code: expected, recovery, effect });
    expect(refusal(status, code, '', false).effect).toBe('none');
    const { message, remedy } = refusal(status, code, 'why\nmore');
    expect(message).toBe(`${facts.what} was answered ${status}${code === '' ? '' : ` ${code}`}: why`);
    if (recovery !== 'retry') expect(remedy).toMatch(/az |KEYTURN_/);
  });

  it('knows a limit by its words, too', () => {
    const words = 'You can only add a maximum of 2 encrypted credentials.';
    expect(refusal(400, 'Request_BadRequest', words).code).toBe('CONFLICT');
  });

  it('takes the wait that is asked for', () => {
    expect(refusal(429, '', '', true, '7').retryAfterMs).toBe(7_000);
    expect(refusal(429).retryAfterMs).toBeUndefined();
  });

  it('keeps nothing of an answer that is no error body', () => {
    const { message } = graphRefusal({ status: 502, text: '<html>', header: () => undefined }, facts, NOW);
    expect(message).toBe(`${facts.what} was answered 502`);
  });
});

describe('a refusal of the token endpoint', () => {
  const facts = { what: 'the log-in of x', host: 'login.example', mutates: false, appId: ID, tenant: 'contoso' };
  const body = (code: number): unknown => ({
    error: 'invalid_client',
    error_description: `AADSTS${code}: Because. Trace ID: 1 Correlation ID: 2`,
    error_codes: [code],
  });

  it.each([
    [401, 7000215, 'CREDENTIAL_REJECTED', 'retry'],
    [401, 7000222, 'CREDENTIAL_REJECTED', 'retry'],
    [400, 700016, 'TARGET_NOT_FOUND', 'reconfigure'],
    [400, 90002, 'CONFIG_INVALID', 'reconfigure'],
    [400, 7000112, 'ACCESS_DENIED', 'reconfigure'],
    [400, 53003, 'ACCESS_DENIED', 'reconfigure'],
    [503, 90033, 'UNAVAILABLE', 'retry'],
    [429, 50196, 'THROTTLED', 'retry'],
  ] as const)('%d AADSTS%d is %s, %s', (status, code, expected, recovery) => {
    const error = logInRefusal(status, body(code), facts, 7_000);
    expect(error).toMatchObject({ code: expected, recovery, effect: 'none', retryAfterMs: 7_000 });
    expect(error.message).toBe(`the log-in of x was answered ${status} AADSTS${code}: Because.`);
    if (recovery === 'reconfigure') expect(error.remedy).toMatch(/az |KEYTURN_|https:/);
  });

  it('reads the code from the words where the list is missing, and does not guess without both', () => {
    const words = { error: 'invalid_client', error_description: 'AADSTS7000215: No.' };
    expect(logInRefusal(401, words, facts, undefined).code).toBe('CREDENTIAL_REJECTED');
    for (const strange of [undefined, 'text', { error: 'invalid_client' }, { error_codes: [] }]) {
      expect(logInRefusal(401, strange, facts, undefined)).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
    }
  });
});

describe('the tenant of a token', () => {
  const token = (claims: unknown): string => `a.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.b`;

  it('is its claim tid', () => expect(tenantOf(token({ tid: ID.toUpperCase() }))).toBe(ID));

  it.each([token({}), token({ tid: 7 }), token({ tid: '../x' }), token(null), 'opaque', '', 'a.b.c'])(
    'is not in %j',
    (text) => expect(tenantOf(text)).toBeUndefined(),
  );
});

describe('how old a secret is', () => {
  const ago = (minutes: number): Date => new Date(NOW.getTime() - minutes * 60_000);

  it.each([
    [ago(1), true],
    [ago(-1), true],
    [ago(9), true],
    [ago(11), false],
    [undefined, false],
  ])('case %#', (madeOn, young) => expect(isYoung(madeOn, NOW)).toBe(young));
});

describe('the value of a client secret', () => {
  const text = 'abc8Q~x_y.z-0123456789abcdefghijklmnopqr';
  const next = new SecretValue('new8Q~');

  it('is the bare secret', () => {
    expect(parseValue(new SecretValue(text), undefined).replace({ secret: next }).reveal()).toBe('new8Q~');
  });

  it.each(['clientSecret', 'client_secret', 'ClientSecret'])(
    'is the member %s of JSON, and nothing else changes',
    (key) => {
      const json = (secret: string): string => `{"clientId":"${ID}", "${key}":"${secret}",\n"tenantId":"contoso"}`;
      const parsed = parseValue(new SecretValue(json(text)), undefined);
      expect(parsed.user).toBeUndefined();
      expect(parsed.secret.reveal()).toBe(text);
      expect(parsed.replace({ secret: next }).reveal()).toBe(json('new8Q~'));
    },
  );
});
