/** Descriptions: their form, their rules, and what is made of them. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId } from '../../src/rotation/ids.ts';
import { SecretValue, type Call } from '../../src/rotation/ports.ts';
import {
  parseInstanceTarget,
  readInstances,
  type HttpApi,
  type HttpApiSetting,
} from '../../src/rotators/http-api/config.ts';
import type { Description, Json } from '../../src/rotators/http-api/description.ts';
import { READY } from '../../src/rotators/http-api/descriptions/index.ts';
import { labelOf, rotationIdOf, SHORTEST_LABEL } from '../../src/rotators/http-api/label.ts';
import { at, holds, momentAt, textAt } from '../../src/rotators/http-api/pointer.ts';
import { expiryValues, lineOf, requestOf } from '../../src/rotators/http-api/requests.ts';
import { schemaProblems, type Schema } from '../../src/rotators/http-api/schema-check.ts';
import { fill, fillBody, namesIn } from '../../src/rotators/http-api/template.ts';
import { UNNAMED } from '../support/unnamed-keys.ts';

const schema = JSON.parse(readFileSync('docs/http-api.schema.json', 'utf8')) as Schema;
const SECRET = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'administrator' } as const;
const at2026 = (): Call => ({ signal: new AbortController().signal, now: () => new Date('2026-03-01T12:00:00.500Z') });

function instance(description: unknown, more: Partial<HttpApiSetting> = {}): HttpApiSetting {
  return { name: 'x', description, secret: SECRET, variables: {}, allowPrivate: false, ...more };
}

function problemsOf(...settings: readonly HttpApiSetting[]): readonly string[] {
  try {
    readInstances(settings);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', recovery: 'reconfigure' });
    return error.problems.map(
      ({ path, message }) => `${path.replace('settings.KEYTURN_HTTP_APIS["x"].', '')}: ${message}`,
    );
  }
  return [];
}

/** A good description with changes deep inside it. */
function changed(
  change: (draft: Record<string, Record<string, unknown>>) => void,
  from: unknown = UNNAMED,
): Description {
  const draft = structuredClone(from) as Record<string, Record<string, unknown>>;
  change(draft);
  return draft as unknown as Description;
}

describe('the schema', () => {
  const validate = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema as object);

  test.each([...READY.entries()])('%s is as it says, and keeps the rules', (name, description) => {
    expect(validate(description), JSON.stringify(validate.errors)).toBe(true);
    expect(description).toMatchObject({ name, verified: 'simulation' });
    const { variables = {}, host } = description as Description;
    const values = Object.fromEntries(Object.keys(variables).map((variable) => [variable, 'v']));
    expect(
      problemsOf(instance(name, { variables: values, ...(host === undefined ? { host: 'a.example' } : {}) })),
    ).toEqual([]);
  });

  /** Every place in a value, as a path of keys. */
  function places(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
    if (typeof value !== 'object' || value === null) return [path];
    const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    return [path, ...keys.flatMap((key) => places((value as Record<string | number, unknown>)[key], [...path, key]))];
  }

  function put(value: unknown, path: readonly (string | number)[], what: { readonly to: unknown } | 'gone'): unknown {
    const [first, ...rest] = path;
    if (first === undefined) return what === 'gone' ? undefined : what.to;
    const copy = structuredClone(value) as Record<string | number, unknown>;
    if (rest.length > 0) copy[first] = put(copy[first], rest, what);
    else if (what !== 'gone') copy[first] = what.to;
    else if (Array.isArray(copy)) copy.splice(Number(first), 1);
    else Reflect.deleteProperty(copy, first);
    return copy;
  }

  test('is kept by our own check exactly as a real validator keeps it, whatever is done to a description', () => {
    const junk = fc.oneof(
      ...[
        fc.constant('gone' as const),
        fc.constantFrom<Json>(null, true, 0, -1, 1.5, 200, '', 'x', '/a', 'GET', [], {}, [200]),
      ].map((one) => one.map((to) => (to === 'gone' ? to : { to }))),
      fc.string().map((to) => ({ to })),
      fc.constantFrom('kind', 'page', 'bearer', 'basic', 'cursor').map((kind) => ({ to: { kind } })),
      fc.constant({ to: { surplus: 1 } }),
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...READY.values(), UNNAMED), fc.nat(), junk, (description, place, what) => {
        const all = places(description);
        const mutated = put(description, all[place % all.length] ?? [], what);
        if (mutated === undefined) return;
        const ours = schemaProblems(schema, mutated, 'd');
        if (ours.length > 0) refused += 1;
        expect(ours.length === 0, JSON.stringify([mutated, ours, validate(mutated), validate.errors])).toBe(
          validate(mutated),
        );
      }),
      { numRuns: 3000, seed: 7 },
    );
    expect(refused).toBeGreaterThan(500);
  });
});

test('docs/http-api.md lists the descriptions that there are, with their variables', () => {
  const table = readFileSync('docs/http-api.md', 'utf8')
    .split('<!-- descriptions -->')[1]
    ?.split('<!-- /descriptions -->')[0];
  const rows = [...(table ?? '').matchAll(/^\| `([^`]+)` +\|.*\|([^|]*)\|$/gm)];
  const named = (cell: string): readonly string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
  expect(rows.map(([, name, variables = '']) => [name, [...named(variables)].sort()])).toEqual(
    [...READY.values()].map((one) => {
      const { name, variables = {} } = one as Description;
      return [name, Object.keys(variables).sort()];
    }),
  );
});

describe('a description', () => {
  test('is refused with every problem at once, each with its path', () => {
    const bad = changed((d) => {
      delete d['title'];
      d['authentication'] = { kind: 'query', name: 'api_key' };
      d['create'] = { ...d['create'], path: 'keys', success: [], surplus: 1 };
      d['limits'] = { keys: 1 };
    });
    expect(problemsOf(instance(bad))).toEqual([
      'description.title: is missing',
      'description.authentication.kind: is none of "bearer", "basic", "headers"',
      'description.limits.keys: is less than 2',
      expect.stringContaining('description.create.path: does not look like') as string,
      'description.create.success: has fewer than 1 entries',
      'description.create.surplus: there is no such property',
    ]);
  });

  const labelled = changed((d) => {
    d['label'] = { maxLength: 64 };
    d['create'] = { ...d['create'], body: { name: '{{label}}' } };
    d['list'] = { ...d['list'], item: { id: '/id', label: '/name' } };
  });
  test.each<[string, (draft: Record<string, Record<string, unknown>>) => void, string]>([
    [
      'a secret in a path',
      (d) => (d['create'] = { ...d['create'], path: '/{{secret}}' }),
      'create.path: {{secret}} may stand in an authentication only',
    ],
    [
      'a secret in a query',
      (d) => (d['list'] = { ...d['list'], query: { key: '{{secret.a}}' } }),
      'list.query: {{secret.a}} may',
    ],
    [
      'a key in a body',
      (d) => (d['test'] = { ...d['test'], method: 'POST', body: ['{{credential.value}}'] }),
      'test.body: {{credential.value}} may',
    ],
    [
      'a name that nothing gives',
      (d) => (d['revoke'] = { ...d['revoke'], path: '/{{ids}}' }),
      'revoke.path: nothing gives {{ids}} here',
    ],
    [
      'an id before there is one',
      (d) => (d['create'] = { ...d['create'], path: '/{{id}}' }),
      'create.path: nothing gives {{id}} here',
    ],
    [
      'a test without the key',
      (d) => (d['test'] = { ...d['test'], authentication: { kind: 'bearer', token: '{{secret}}' } }),
      'test.authentication: proves nothing',
    ],
    [
      'a label that is not given',
      (d) => (d['create'] = { ...d['create'], body: {} }),
      'create: does not give {{label}}',
    ],
    [
      'a label that cannot be read',
      (d) => (d['list'] = { ...d['list'], item: { id: '/id' } }),
      'list.item.label: is missing',
    ],
    [
      'no label and no time',
      (d) => (
        delete d['label'],
        (d['create'] = { ...d['create'], body: {} }),
        (d['list'] = { ...d['list'], item: { id: '/id' } })
      ),
      'label: is missing, and so is list.item.created',
    ],
    [
      'an expiry without a limit',
      (d) => (d['create'] = { ...d['create'], body: ['{{label}}', '{{expires.iso}}'] }),
      'limits.lifetimeDays: is missing',
    ],
    [
      'a cursor that nothing turns',
      (d) => (d['list'] = { ...d['list'], query: { after: '{{cursor}}' } }),
      'list.pages: is not of the kind cursor',
    ],
    [
      'two places for a cursor',
      (d) =>
        (d['list'] = {
          ...d['list'],
          query: { a: '{{cursor}}' },
          pages: { kind: 'cursor', pointer: '/c', query: 'a' },
        }),
      'list.pages: needs one place',
    ],
    [
      'a body and a form',
      (d) => (d['create'] = { ...d['create'], form: { a: '{{label}}' } }),
      'create: has a body and a form',
    ],
    ['a GET with a body', (d) => (d['list'] = { ...d['list'], body: {} }), 'list.method: GET sends no body'],
    [
      'a header that steers the connection, which a front of many services would follow to another of them',
      (d) => (d['headers'] = { Host: 'evil.example' }),
      'headers.Host: is not for a description to say',
    ],
    [
      'a header that says where the request ends',
      (d) => (d['create'] = { ...d['create'], headers: { 'Transfer-Encoding': 'chunked' } }),
      'create.headers.Transfer-Encoding: is not for',
    ],
    [
      'such a header among those of an authentication',
      (d) => (d['authentication'] = { kind: 'headers', headers: { 'X-Forwarded-Host': '{{secret}}' } }),
      'authentication.headers.X-Forwarded-Host: is not for',
    ],
    [
      'a name that is not closed',
      (d) => (d['list'] = { ...d['list'], path: '/{{workspace}/keys' }),
      'list.path: holds a {{ that begins no {{name}}',
    ],
    [
      'an expiry with spaces around it and without a limit',
      (d) => (d['create'] = { ...d['create'], body: ['{{label}}', '{{ expires.iso }}'] }),
      'limits.lifetimeDays: is missing',
    ],
    [
      'a condition of two kinds of nothing',
      (d) => (d['errors'] = { when: [{ pointer: '/a', surplus: 1 }] }),
      'errors.when[0].surplus',
    ],
  ])('is refused for %s', (_what, change, problem) => {
    expect(problemsOf(instance(changed(change, labelled))).join('\n')).toContain(`description.${problem}`);
  });

  test('that is not there is said, with those that are', () => {
    expect(problemsOf(instance('sendgird')).join()).toContain("there is no ready description 'sendgird'; there are ");
  });
});

describe('an instance', () => {
  test('must give every variable without a default, of a kind that fits where it stands, and no other', () => {
    const problems = problemsOf(
      instance('gitlab-project-tokens', { variables: { project: ['a'], surplus: 1 } }),
      instance('cloudflare-account-tokens', { variables: { accountId: '..', policies: [] }, lifetimeDays: 400 }),
      instance('databricks', { host: 'a.example', variables: { constructor: 1 } }),
      instance('gitlab-group-tokens', { variables: { group: 'a\ud800', scopes: [] } }),
    );
    expect(problems).toEqual([
      expect.stringContaining('variables.surplus: gitlab-project-tokens has no such variable') as string,
      'variables.project: must be a text, a number, true or false, and not empty',
      expect.stringContaining('variables.scopes: is required') as string,
      'variables.accountId: must be a text, a number, true or false, and not empty',
      'lifetimeDays: may be at most 365',
      'variables.constructor: databricks has no such variable; there are none',
      'variables.group: must be a text, a number, true or false, and not empty',
    ]);
  });

  test('must name a host where the description has none', () => {
    expect(problemsOf(instance(changed((d) => delete d['host'])))).toEqual([
      "host: is required: unnamed runs at everybody's own",
    ]);
  });

  test('is what ProviderAddress names, in any case; its hosts are those that the setting and the description name', () => {
    const instances = readInstances([instance('sendgrid', { name: 'Mail', variables: { scopes: [] } })]);
    const target = parseInstanceTarget(instances, { providerAddress: ' MAIL ', credentialId: ' k1 ' });
    expect(target).toMatchObject({
      id: 'https://api.sendgrid.com#mail',
      current: 'k1',
      slots: [],
      hosts: ['api.sendgrid.com'],
    });
  });
});

describe('a label', () => {
  const id = newRotationId({ kind: 'secret', vault: 'https://kv', name: 'n' }, new Date('2026-03-01T12:34:56.789Z'));

  test('gives the whole rotation back, plain where it fits and packed where it does not', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }),
        fc.integer({ min: SHORTEST_LABEL, max: 300 }),
        (now, max) => {
          const one = newRotationId({ kind: 'secret', vault: 'https://kv', name: 'n' }, now);
          const label = labelOf(one, max);
          expect(label.length).toBeLessThanOrEqual(max);
          expect(label).toMatch(/^[a-z0-9-]+$/);
          expect(rotationIdOf(label)).toBe(one);
        },
      ),
    );
    expect(labelOf(id, 55)).toBe(`keyturn-${id}`);
    expect(labelOf(id, 54)).toHaveLength(SHORTEST_LABEL);
    expect(rotationIdOf(labelOf(id, 54).toUpperCase().replace('KT-', 'kt-'))).toBe(id);
  });

  test.each(['', 'production', `keyturn-${id}x`, `x${labelOf(id, 40)}`, 'keyturn-abc', `kt-${'7'.repeat(32)}`])(
    '%s is no rotation’s',
    (name) => {
      expect(rotationIdOf(name)).toBeUndefined();
    },
  );
});

describe('a pointer', () => {
  const document = { a: [{ 'b/c': 1, 'd~e': 'x', n: null }], t: '2026-03-01', s: 1_700_000_000, e: [] };

  test('leads where RFC 6901 says', () => {
    expect(at(document, '')).toBe(document);
    expect(at(document, '/a/0/b~1c')).toBe(1);
    expect(at(document, '/a/0/d~0e')).toBe('x');
    for (const nowhere of ['/a/1', '/a/length', '/toString', '/a/0/b~1c/x', '/'])
      expect(at(document, nowhere)).toBeUndefined();
  });

  test('gives texts, moments and answers to conditions', () => {
    expect(textAt(document, '/a/0/b~1c')).toBe('1');
    expect(textAt({ v: '' }, '/v')).toBeUndefined();
    expect(textAt({ v: 1.5 }, '/v')).toBeUndefined();
    expect(momentAt(document, { pointer: '/t', format: 'iso' })).toEqual(new Date('2026-03-01'));
    expect(momentAt(document, { pointer: '/s', format: 'epoch' })).toEqual(new Date(1_700_000_000_000));
    expect(momentAt({ s: '1700000000000' }, { pointer: '/s', format: 'epoch-ms' })).toEqual(
      new Date(1_700_000_000_000),
    );
    expect(momentAt({ s: 'soon' }, { pointer: '/s', format: 'iso' })).toBeUndefined();
    expect(momentAt({ s: -1 }, { pointer: '/s', format: 'epoch-ms' })).toBeUndefined();
    expect(holds(document, { pointer: '/a/0/n', present: false })).toBe(true);
    expect(holds(document, { pointer: '/e', present: true })).toBe(false);
    expect(holds(document, { pointer: '/t', present: true })).toBe(true);
    expect(holds(document, { pointer: '/a/0/n', equals: null })).toBe(true);
    expect(holds(document, { pointer: '/x', equals: null })).toBe(false);
    expect(holds(document, { pointer: '/x', not: 1 })).toBe(true);
  });
});

describe('a template', () => {
  test('puts values in place, encoded where they stand in a path, as they are where they stand alone', () => {
    expect(fill('/p/{{ a }}/x-{{b}}', { a: 'g/p?', b: 3 }, encodeURIComponent)).toBe('/p/g%2Fp%3F/x-3');
    expect(fillBody({ n: 'k {{b}}', s: '{{l}}', d: [{ x: '{{b}}' }], t: true }, { b: 3, l: ['a'] })).toEqual({
      ...{ n: 'k 3', s: ['a'], d: [{ x: 3 }], t: true },
    });
    expect(namesIn({ a: ['{{x}} {{y}}', { b: '{{z}}' }] })).toEqual(['x', 'y', 'z']);
  });

  test('never takes a value for a template', () => {
    expect(fill('{{a}}', { a: '{{secret}}', secret: 'CANARY' })).toBe('{{secret}}');
  });
});

describe('a request', () => {
  const api = (description: unknown, variables: Readonly<Record<string, unknown>> = {}): HttpApi => {
    const found = readInstances([instance(description, { variables })]).get('x');
    if (found === undefined) throw new Error('no instance');
    return found;
  };

  test('has its parts encoded, its secret in a header, and nothing secret in what people see', () => {
    const twilio = api('twilio', { accountSid: 'AC/1', user: 'AC1' });
    const { create } = twilio.description;
    const request = requestOf(twilio, create, {
      authentication: twilio.description.authentication,
      secrets: { administrator: new SecretValue('CANARY') },
      values: { label: 'a b&c' },
    });
    expect(request).toMatchObject({ method: 'POST', body: 'FriendlyName=a+b%26c' });
    expect(request.url.href).toBe('https://api.twilio.com/2010-04-01/Accounts/AC%2F1/Keys.json');
    expect(request.headers).toMatchObject({ authorization: `Basic ${Buffer.from('AC1:CANARY').toString('base64')}` });
    expect(lineOf(twilio, create)).toBe('POST https://api.twilio.com/2010-04-01/Accounts/AC%2F1/Keys.json');
  });

  test('takes the fields of a secret that is JSON, and says which one is missing, not what is there', () => {
    const datadog = api('datadog-api-keys');
    const build = (stored: string): unknown =>
      requestOf(datadog, datadog.description.list, {
        authentication: datadog.description.authentication,
        secrets: { administrator: new SecretValue(stored) },
      }).headers;
    expect(build('{"apiKey":"a","applicationKey":"b"}')).toMatchObject({
      'dd-api-key': 'a',
      'dd-application-key': 'b',
    });
    for (const stored of ['{"apiKey":"CANARY"}', 'CANARY', '{"apiKey":"CANARY","applicationKey":7}']) {
      expect(() => build(stored)).toThrow(/has no field (apiKey|applicationKey)/);
      expect(() => build(stored)).not.toThrow('CANARY');
    }
  });

  test('gives a key the life that the description allows, or less', () => {
    const gitlab = api('gitlab-group-tokens', { group: 1, scopes: [] });
    expect(expiryValues(gitlab, at2026())?.values).toEqual({
      'expires.iso': '2027-03-01T12:00:00Z',
      'expires.date': '2027-03-01',
      'expires.epoch': 1_803_902_400,
      'expires.seconds': 31_536_000,
    });
    expect(expiryValues({ ...gitlab, lifetimeDays: 60 }, at2026())?.at).toEqual(new Date('2026-04-30T12:00:00Z'));
    expect(expiryValues(api('sendgrid', { scopes: [] }), at2026())).toBeUndefined();
  });
});
