import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { problem, type Answer } from '../../src/http/answer.ts';
import { ERROR_CODES, type ErrorCode } from '../../src/rotation/errors.ts';
import { RUN_STATES, type Run } from '../../src/rotation/record.ts';
import { Bench, error, OBJECT, TAGS, VAULT } from '../support/memory/bench.ts';
import { NOW } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const start = { vault: 'kv', name: 'DB' };
const body = (answer: Answer): Record<string, unknown> => answer.body as Record<string, unknown>;
const paths = (answer: Answer): unknown[] => (body(answer)['problems'] as { path: string }[]).map((one) => one.path);

function setUp() {
  const bench = new Bench();
  return { bench, api: createRunbook(bench.engine) };
}

describe('POST /rotations', () => {
  it('starts one, names it by its short vault name in any case, and says where to look', async () => {
    const { bench, api } = setUp();
    const answer = await api.start(start, 'on-call');
    expect(answer).toMatchObject({ status: 202, headers: { 'retry-after': '5' } });
    const { rotationId } = body(answer);
    expect(answer.headers?.['location']).toBe(`/api/rotations/${String(rotationId)}`);
    expect(bench.queue.take()?.item.message).toMatchObject({
      object: OBJECT,
      trigger: 'manual',
      requestedBy: 'on-call',
    });
  });

  it('takes the vault’s URL, a reason and force', async () => {
    const { bench, api } = setUp();
    const given = { vault: `${VAULT.toUpperCase()}/`, name: 'db', reason: 'compromised', force: true };
    expect(await api.start(given, 'x')).toMatchObject({ status: 202 });
    expect(bench.queue.take()?.item.message).toMatchObject({ trigger: 'compromised', force: true });
  });

  it('answers a dry run with what would be done', async () => {
    const { bench, api } = setUp();
    expect(await api.start({ ...start, dryRun: true }, 'x')).toMatchObject({ status: 200, body: { due: true } });
    expect(bench.queue.nextAt).toBeUndefined();
  });

  it('tells every problem of a request at once', async () => {
    const { api } = setUp();
    const answer = await api.start({ vault: 'nope', name: 'no/slash', reason: 'bored', force: 'yes', drvRun: 1 }, 'x');
    expect(answer).toMatchObject({ status: 400, headers: { 'content-type': 'application/problem+json' } });
    expect(paths(answer)).toEqual(['drvRun', 'name', 'vault', 'reason', 'force']);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['']],
    ['null', null, ['']],
    ['a list', [], ['']],
    ['a text', 'db', ['']],
    ['an empty object', {}, ['name', 'vault']],
    ['another type of dryRun', { ...start, dryRun: 1 }, ['dryRun']],
  ])('refuses %s', async (_, given, problems) => {
    const answer = await setUp().api.start(given, 'x');
    expect(answer.status).toBe(400);
    expect(paths(answer)).toEqual(problems);
  });

  it('answers what the engine refuses as a problem, with its remedy', async () => {
    const { bench, api } = setUp();
    bench.leave({ state: 'running' });
    expect(await api.start(start, 'x')).toMatchObject({
      status: 409,
      body: { type: 'urn:keyturn:error:CONFLICT', title: 'CONFLICT', remedy: containing('GET /api') },
    });
  });

  it('does not hide a bug', async () => {
    const { bench, api } = setUp();
    bench.calls.fail('journal.read', new TypeError('a bug'));
    await expect(api.start(start, 'x')).rejects.toThrow(TypeError);
  });
});

describe('GET /rotations', () => {
  it('filters by vault, name and state, and says what to do about each', async () => {
    const { bench, api } = setUp();
    await bench.rotated();
    const answer = await api.list({ vault: 'kv', name: 'Db', state: 'waiting', limit: '5' });
    expect(answer).toMatchObject({ status: 200, body: { rotations: [{ object: OBJECT, state: 'waiting' }] } });
    expect(await api.list({})).toMatchObject({ body: { rotations: [{ step: 'confirm' }] } });
  });

  it.each(['0', '1001', '1.5', 'many'])('refuses a limit of %s', async (limit) => {
    expect(paths(await setUp().api.list({ limit }))).toEqual(['limit']);
  });

  it('tells every problem of a query at once', async () => {
    const answer = await setUp().api.list({ state: 'asleep', limit: '0', vault: 'nope', page: '2' });
    expect(paths(answer)).toEqual(['page', 'state', 'limit', 'vault']);
  });
});

describe('what to do about a run', () => {
  const at = NOW.toISOString();
  const failure = { code: 'THROTTLED', message: 'too many', at } as const;
  const last = (outcome: 'ok' | 'waiting', detail?: string) => ({
    steps: [{ step: 'confirm', at, ms: 0, outcome, ...(detail === undefined ? {} : { detail }) }] as const,
  });
  it.each<[Partial<Run>, string]>([
    [{ state: 'queued' }, 'Nothing: it starts when'],
    [{ state: 'running' }, 'Nothing: it is being worked on'],
    [{ state: 'waiting', wakeAt: at }, `Nothing is to be done. It goes on by itself at ${at}.`],
    [{ state: 'waiting' }, 'Nothing is to be done. It goes on by itself at the next sweep.'],
    [{ state: 'waiting', ...last('ok', 'x') }, 'Nothing is to be done. It goes'],
    [{ state: 'waiting', ...last('waiting') }, 'Nothing is to be done. It goes'],
    [{ state: 'waiting', ...last('waiting', 'app still uses a') }, 'app still uses a. It goes on by itself'],
    [{ state: 'waiting', lastError: failure }, 'too many. It goes on by itself at the next sweep.'],
    [
      { state: 'waiting', wakeAt: at, lastError: { ...failure, remedy: 'Wait.' } },
      `too many. Wait. It goes on by itself at ${at}.`,
    ],
    [{ state: 'blocked', blocked: { ...failure, remedy: 'GRANT it.' } }, 'GRANT it.'],
    [{ state: 'blocked', blocked: failure }, 'too many.'],
    [{ state: 'blocked' }, 'See the last step.'],
    [{ state: 'done' }, 'Nothing: it is done.'],
    [{ state: 'cancelled', ...last('ok', 'cancelled by x') }, 'cancelled by x.'],
    [{ state: 'refused' }, 'Nothing: it is over.'],
  ])('%o', async (run, text) => {
    const { bench, api } = setUp();
    bench.leave(run);
    const answer = await api.read('left-behind');
    expect(answer.status).toBe(200);
    expect(body(answer)['whatToDo']).toContain(text);
  });

  it('is known for every state', () => {
    expect(RUN_STATES).toHaveLength(7);
  });

  it('that is not there is 404', async () => {
    expect(await setUp().api.read('nothing')).toMatchObject({ status: 404 });
  });
});

describe('cancel, bootstrap, inventory', () => {
  it('cancels', async () => {
    const { bench, api } = setUp();
    bench.leave({ state: 'blocked' });
    expect(await api.cancel('left-behind', 'on-call')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect(await api.cancel('left-behind', 'on-call')).toMatchObject({ status: 409 });
  });

  it('bootstraps, or says why it cannot', async () => {
    const bench = new Bench({}, (rotator) => Object.assign(rotator, { bootstrap: async () => ['made b'] }));
    const api = createRunbook(bench.engine);
    expect(await api.bootstrap({ ...start, dryRun: true }, 'x')).toEqual({
      status: 200,
      body: { dryRun: true, done: ['made b'] },
    });
    expect(await setUp().api.bootstrap(start, 'x')).toMatchObject({ status: 400 });
    expect(paths(await api.bootstrap({ reason: 'x', dryRun: 'x' }, 'x'))).toEqual([
      'reason',
      'name',
      'vault',
      'dryRun',
    ]);
  });

  it('lists what there is, in one vault or all', async () => {
    const { api } = setUp();
    expect(await api.inventory({})).toMatchObject({ status: 200, body: { objects: [{ object: OBJECT }] } });
    expect(await api.inventory({ vault: 'other' })).toMatchObject({ body: { objects: [] } });
    expect(paths(await api.inventory({ vault: 'x', name: 'y' }))).toEqual(['name', 'vault']);
  });

  it('does not guess between two vaults of one short name', async () => {
    const { bench } = setUp();
    const vaults = [VAULT, 'https://kv.vault.azure.cn'];
    const configuration = { ...bench.engine.configuration, vaults };
    const answer = await createRunbook({ ...bench.engine, configuration }).inventory({ vault: 'kv' });
    expect(JSON.stringify(answer.body)).toContain('several served vaults');
  });
});

describe('a problem', () => {
  const STATUS: Readonly<Record<ErrorCode, number>> = {
    CONFIG_INVALID: 422,
    EVENT_INVALID: 400,
    REQUEST_INVALID: 400,
    NOT_SERVED: 403,
    ACCESS_DENIED: 502,
    TARGET_NOT_FOUND: 404,
    CONFLICT: 409,
    THROTTLED: 503,
    UNAVAILABLE: 503,
    TIMED_OUT: 504,
    LEASE_LOST: 409,
    SLOT_OWNED: 409,
    GRANTS_DIFFER: 409,
    CREDENTIAL_REJECTED: 500,
    DRIFTED: 500,
    NOT_ADOPTED: 500,
    JOURNAL_INVALID: 500,
    VALUE_AWAITED: 409,
    HUMAN_REQUIRED: 409,
  };
  it.each(ERROR_CODES)('%s has its status', (code) => {
    expect(problem(error(code)).status).toBe(STATUS[code]);
  });

  it('says when to come back, in whole seconds, and what is wrong where', () => {
    const answer = problem(error('THROTTLED', { retryAfterMs: 1500, problems: [{ path: 'x', message: 'm' }] }));
    expect(answer.headers?.['retry-after']).toBe('2');
    expect(answer.body).toMatchObject({ problems: [{ path: 'x', message: 'm' }] });
    expect(Object.keys(problem(error('CONFLICT')).body as object)).toEqual(['type', 'title', 'status', 'detail']);
  });

  it('of a secret’s tags comes with every path', async () => {
    const { bench, api } = setUp();
    bench.seed({ tags: { ...TAGS, Paused: 'x', OverlapHours: 'y' } });
    const answer = await api.start(start, 'x');
    expect(answer.status).toBe(422);
    expect(paths(answer).sort()).toEqual(['tags.OverlapHours', 'tags.Paused']);
  });
});
