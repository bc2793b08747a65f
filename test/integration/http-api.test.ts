/** http-api on the wire, beyond the contract that every rotator keeps. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startProvider, type ProviderService } from '../../sandbox/http-api/http-api.ts';
import { PROVIDERS } from '../../sandbox/http-api/providers/index.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import {
  SecretValue,
  type Call,
  type Issued,
  type Pending,
  type Rotator,
  type Target,
} from '../../src/rotation/ports.ts';
import type { HttpApiSetting } from '../../src/rotators/http-api/config.ts';
import type { Description } from '../../src/rotators/http-api/description.ts';
import { READY } from '../../src/rotators/http-api/descriptions/index.ts';
import { httpApiRotator } from '../../src/rotators/http-api/rotator.ts';
import { ADMINISTRATOR, variablesOf } from '../contract/http-api.harness.ts';
import { UNNAMED, UNNAMED_PROVIDER } from '../support/unnamed-keys.ts';

let run: Run;
let undo: readonly (() => void)[];
let provider: ProviderService | undefined;
let forgotten = 0;

beforeAll(async () => {
  run = await createRun();
  undo = [installSandboxDns(), trustSandbox(run.ctx.pki)];
});
beforeEach(() => {
  forgotten = 0;
});
afterEach(async () => {
  run.ctx.faults.clear();
  await provider?.stop();
  provider = undefined;
});
afterAll(() => {
  for (const one of undo) one();
  run.dispose();
});

const call = (): Call => ({ signal: new AbortController().signal, now: () => run.ctx.clock.now() });
const newId = (): string => newRotationId({ kind: 'secret', vault: 'https://kv', name: 'n' }, run.ctx.clock.now());

interface Bench {
  readonly rotator: Rotator;
  readonly target: Target;
  readonly service: ProviderService;
  readonly current: Issued;
  readonly pending: (rotationId?: string) => Pending;
}

async function bench(
  script = UNNAMED_PROVIDER,
  description: unknown = UNNAMED,
  more: Partial<HttpApiSetting> = {},
): Promise<Bench> {
  const service = (provider = await startProvider(run.ctx, script));
  const rotator = httpApiRotator({
    secrets: {
      read: () => Promise.resolve(new SecretValue(service.administrator.stored)),
      forget: () => void (forgotten += 1),
    },
    instances: [
      {
        ...{ name: 'x', description, host: service.host, secret: ADMINISTRATOR, allowPrivate: true },
        variables: typeof description === 'string' ? variablesOf(description) : {},
        ...more,
      },
    ],
  });
  const { id, value } = service.make('by hand');
  // Older than any rotation that is to come.
  run.ctx.clock.advance(10 * 60_000);
  const current = { credentialId: id, slot: id, value: new SecretValue(value) };
  const target = rotator.parseTarget({ providerAddress: 'x', credentialId: id });
  return { rotator, target, service, current, pending: (rotationId = newId()) => ({ rotationId, slot: '', current }) };
}

async function failureOf(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof RotationError)) throw new Error('a RotationError was expected', { cause: error });
  expect(`${error.message}${error.remedy ?? ''}`).not.toContain('CANARY');
  return error;
}

function described(change: (draft: Record<string, Record<string, unknown>>) => void): Description {
  const draft = structuredClone(UNNAMED) as unknown as Record<string, Record<string, unknown>>;
  change(draft);
  return draft as unknown as Description;
}

describe('a listing', () => {
  const paged = [...READY].filter(([, description]) => (description as Description).list.pages !== undefined);
  test.each(paged.map(([name]) => name))('of %s is read to its last page', async (name) => {
    const script = PROVIDERS.get(name);
    if (script === undefined) throw new Error(`the sandbox cannot play ${name}`);
    const { rotator, target, service } = await bench(script, name);
    for (let n = 0; n < 230; n += 1) service.make(`key ${n}`);
    const found = await rotator.list(target, call());
    expect(found.map(({ credentialId }) => credentialId)).toEqual(service.keys.map(({ id }) => id));
  });

  test('is not followed to another host, and not for ever', async () => {
    const next = described((d) => (d['list'] = { ...d['list'], pages: { kind: 'next', pointer: '/next' } }));
    const { rotator, target } = await bench(UNNAMED_PROVIDER, next);
    const answer = (to: string): object => ({ status: 200, body: { keys: [], next: to } });
    for (const evil of ['https://evil.example/keys', '//evil.example/keys', 'http://api.unnamed.sandbox.test/keys']) {
      run.ctx.faults.add({ system: 'http-api', match: '^GET', times: 1, action: answer(evil) });
      const error = await failureOf(rotator.list(target, call()));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
      expect(error.message).toContain('on another host');
      expect(error.message).not.toContain('evil');
    }
    run.ctx.faults.add({ system: 'http-api', match: '^GET', action: answer('/keys?page=2') });
    expect((await failureOf(rotator.list(target, call()))).message).toContain('goes in a circle');
  });

  test('that leaves an empty list out is empty where the description says so, and only there', async () => {
    const { rotator, target, service } = await bench(PROVIDERS.get('databricks'), 'databricks');
    service.clear();
    expect(await rotator.list(target, call())).toEqual([]);
    await rotator.revoke(target, target.current, { endSessions: false }, call());
    for (const body of ['<html>', [], { token_infos: 'none' }]) {
      run.ctx.faults.add({ system: 'http-api', match: '^GET', times: 1, action: { status: 200, body } });
      expect(await failureOf(rotator.list(target, call()))).toMatchObject({ code: 'CONFIG_INVALID' });
    }
    await provider?.stop();
    const strict = await bench();
    run.ctx.faults.add({ system: 'http-api', match: '^GET', times: 1, action: { status: 200, body: {} } });
    expect(await failureOf(strict.rotator.list(strict.target, call()))).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('that is not as described is said, without a word of it', async () => {
    const { rotator, target } = await bench();
    for (const body of [{ keys: { CANARY: 1 } }, { keys: [{ name: 'CANARY' }] }, 'CANARY']) {
      run.ctx.faults.add({ system: 'http-api', match: '^GET', times: 1, action: { status: 200, body } });
      expect(await failureOf(rotator.list(target, call()))).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    }
  });
});

describe('revoking at Elasticsearch', () => {
  test('has failed when the answer is 200 with the details of an error', async () => {
    const { rotator, target, current } = await bench(PROVIDERS.get('elasticsearch'), 'elasticsearch');
    const error_details = [{ type: 'security_exception', reason: 'CANARY' }];
    const body = { invalidated_api_keys: [], previously_invalidated_api_keys: [], error_count: 1, error_details };
    run.ctx.faults.add({ system: 'http-api', match: '^DELETE', times: 1, action: { status: 200, body } });
    const error = await failureOf(rotator.revoke(target, current.credentialId, { endSessions: false }, call()));
    expect(error.message).toContain('200 security_exception');
    await rotator.revoke(target, current.credentialId, { endSessions: false }, call());
    expect(await rotator.list(target, call())).toEqual([]);
  });
});

describe('keys without names', () => {
  test('are made while nothing speaks against it', async () => {
    const { rotator, target, service, pending } = await bench();
    const issued = await rotator.set(target, pending(), call());
    expect(issued).toMatchObject({ credentialId: service.keys.at(-1)?.id });
  });

  test('a lost answer is a matter for people, and no second key is made until the stray one is gone', async () => {
    const { rotator, target, service, pending } = await bench();
    const rotation = pending();
    run.ctx.faults.add({ system: 'http-api', match: '^POST', times: 1, action: { drop: 'after' } });
    const lost = await failureOf(rotator.set(target, rotation, call()));
    expect(lost).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'unknown' });
    expect(lost.remedy).toContain(`GET https://${service.host}/keys`);
    expect(service.keys).toHaveLength(2);

    run.ctx.clock.advance(60_000);
    const again = await failureOf(rotator.set(target, rotation, call()));
    const stray = service.keys.at(-1)?.id ?? '';
    expect(again).toMatchObject({ code: 'HUMAN_REQUIRED', recovery: 'human', effect: 'none' });
    expect(again.remedy).toContain(`curl -X DELETE https://${service.host}/keys/${stray}`);
    expect(service.keys).toHaveLength(2);

    await rotator.revoke(target, stray, { endSessions: false }, call());
    expect(await rotator.set(target, rotation, call())).toMatchObject({ credentialId: service.keys.at(-1)?.id });
  });

  test('an answer without the value is one, too; a refusal is none', async () => {
    const { rotator, target, pending } = await bench();
    run.ctx.faults.add({
      system: 'http-api',
      match: '^POST',
      times: 1,
      action: { status: 200, body: { id: 'CANARY' } },
    });
    expect(await failureOf(rotator.set(target, pending(), call()))).toMatchObject({
      code: 'HUMAN_REQUIRED',
      effect: 'applied',
    });
    run.ctx.faults.add({
      system: 'http-api',
      match: '^POST',
      times: 1,
      action: { status: 429, headers: { 'retry-after': '9' } },
    });
    expect(await failureOf(rotator.set(target, pending(), call()))).toMatchObject({
      ...{ code: 'THROTTLED', recovery: 'retry', effect: 'none', retryAfterMs: 9000 },
    });
  });
});

describe('a full account', () => {
  test('is found out before a key is asked for; the oldest that is not in use is named', async () => {
    const { rotator, target, service, current, pending } = await bench();
    for (let n = 0; n < 3; n += 1) service.make('');
    run.ctx.clock.advance(60 * 60_000);
    const error = await failureOf(rotator.set(target, pending(), call()));
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'human', effect: 'none' });
    const oldest = service.keys.find(({ id }) => id !== current.credentialId)?.id ?? '';
    expect(error.remedy).toContain(`curl -X DELETE https://${service.host}/keys/${oldest}`);
    expect(await rotator.check(target, '', current, call())).toMatchObject([
      { code: 'CONFIG_INVALID', message: error.message },
    ]);
  });

  test('that the service alone knows of is a matter for people, too', async () => {
    const unlimited = described((d) => delete d['limits']);
    const { rotator, target, service, pending } = await bench(UNNAMED_PROVIDER, unlimited);
    for (let n = 0; n < 3; n += 1) service.make('');
    run.ctx.clock.advance(60 * 60_000);
    const error = await failureOf(rotator.set(target, pending(), call()));
    expect(error).toMatchObject({ code: 'CONFLICT', recovery: 'human', effect: 'none' });
    expect(error.message).toContain('was answered 200 FULL');
  });
});

describe('the test of a key', () => {
  test('believes no refusal of a gateway, nor a good status that says that the key is not valid', async () => {
    const { rotator, target, current } = await bench(PROVIDERS.get('gitlab-project-tokens'), 'gitlab-project-tokens');
    const answers: readonly (readonly [number, object, string | undefined])[] = [
      [403, { error: 'insufficient_scope' }, undefined],
      [403, { message: 'no way through here' }, 'ACCESS_DENIED'],
      [200, { id: Number(current.credentialId), active: false }, 'CREDENTIAL_REJECTED'],
      [401, { message: '401 Unauthorized' }, 'CREDENTIAL_REJECTED'],
      [503, {}, 'UNAVAILABLE'],
    ];
    for (const [status, body, code] of answers) {
      run.ctx.faults.add({ system: 'http-api', match: 'self$', times: 1, action: { status, body } });
      const outcome = rotator.test(target, current, call());
      if (code === undefined) await outcome;
      else expect(await failureOf(outcome)).toMatchObject({ code, effect: 'none' });
    }
  });
});

describe('an answer', () => {
  test('with a good status and an error inside is an error; what is absent is revoked already', async () => {
    const { rotator, target, pending } = await bench();
    run.ctx.faults.add({
      system: 'http-api',
      match: '^POST',
      times: 1,
      action: { status: 200, body: { error: { code: 'odd' } } },
    });
    const error = await failureOf(rotator.set(target, pending(), call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
    expect(error.message).toContain('was answered 200 odd');
    await rotator.revoke(target, 'nobody', { endSessions: false }, call());
  });

  test('of which the code could be more than a code is shown by its status alone', async () => {
    const { rotator, target } = await bench();
    const body = { error: { code: 'CANARY is in here, with words' } };
    run.ctx.faults.add({ system: 'http-api', match: '^GET', times: 1, action: { status: 400, body } });
    expect((await failureOf(rotator.list(target, call()))).message).toMatch(/was answered 400$/);
  });

  test.each([301, 302, 303, 307, 308])('with %d is not followed, and says so', async (status) => {
    const { rotator, target, pending } = await bench();
    const headers = { location: 'https://evil.example/' };
    run.ctx.faults.add({ system: 'http-api', match: '^(GET|POST)', action: { status, headers } });
    const error = await failureOf(rotator.set(target, pending(), call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure', effect: 'none' });
    expect(error.message).toContain('redirects are not followed');
  });

  test('that refuses the administrator has its secret read again, and names what to do', async () => {
    const { rotator, target, service, current } = await bench();
    const mend = service.fail('unauthenticated');
    const [blocker] = await rotator.check(target, '', current, call());
    mend();
    expect(blocker).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(blocker?.remedy).toContain('az keyvault secret set --vault-name kv --name administrator');
    expect(forgotten).toBe(1);
  });

  test('that says another key was used than the tag says stops the rotation before that key could be revoked', async () => {
    const { rotator, service, current } = await bench();
    const other = service.make('');
    const target = rotator.parseTarget({ providerAddress: 'x', credentialId: other.id });
    const mixed = { ...current, credentialId: other.id };
    const error = await failureOf(rotator.test(target, mixed, call()));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    expect(error.remedy).toContain(`CredentialId=${current.credentialId}`);
  });

  test('that asks to wait in the service’s own way is understood', async () => {
    const { rotator, target, service, pending } = await bench(PROVIDERS.get('datadog-api-keys'), 'datadog-api-keys');
    service.fail('throttled');
    expect(await failureOf(rotator.set(target, pending(), call()))).toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: 7000,
    });
  });
});

test('a private address is not reached unless the setting allows it', async () => {
  const { rotator, target, pending } = await bench(UNNAMED_PROVIDER, UNNAMED, { allowPrivate: false });
  const error = await failureOf(rotator.set(target, pending(), call()));
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', effect: 'none' });
  expect(error.message).toContain('resolves to 127.0.0.1');
  expect(error.remedy).toContain('KEYTURN_HTTP_APIS["x"]');
});
