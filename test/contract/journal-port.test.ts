import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { TableClient } from '@azure/data-tables';
import { DefaultAzureCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAzurite, type AzuriteService } from '../../sandbox/azurite/azurite.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run as SandboxRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId, objectKey, objectKeyOf } from '../../src/rotation/ids.ts';
import { SecretValue, type Call, type Journal, type JournalEntry, type ObjectRef } from '../../src/rotation/ports.ts';
import type { JournalRecord, Run } from '../../src/rotation/record.ts';
import { createJournal } from '../../src/state/tables.ts';

let sandbox: SandboxRun;
let identity: IdentityService;
let azurite: AzuriteService;
let journal: Journal;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  sandbox = await createRun();
  identity = await startIdentity(sandbox.ctx);
  azurite = await startAzurite(sandbox.ctx, { identity });
  const before = { ...process.env };
  Object.assign(process.env, identity.env);
  undo.push(trustSandbox(sandbox.ctx.pki), () => (process.env = before));
  journal = byConnectionString('keyturn');
});

afterAll(async () => {
  for (const one of undo) one();
  await azurite.stop();
  await identity.stop();
  sandbox.dispose();
});

beforeEach(() => {
  sandbox.ctx.faults.clear();
  sandbox.ctx.traffic.clear();
});

function byConnectionString(table: string): Journal {
  return createJournal({
    table,
    connectionString: new SecretValue(azurite.connectionString),
    credential: () => expect.fail('a connection string needs no credential'),
  });
}

const START = Date.parse('2026-11-22T12:00:00Z');
const call = (signal = new AbortController().signal): Call => ({ signal, now: () => new Date(START) });
const fresh = (): ObjectRef => ({
  kind: 'secret',
  vault: 'https://kv.vault.azure.net',
  name: `s-${randomBytes(6).toString('hex')}`,
});

function run(object: ObjectRef, changes: Partial<Run> = {}, afterMs = 0): Run {
  const at = new Date(START + afterMs);
  return {
    rotationId: newRotationId(object, at),
    reason: 'NearExpiry',
    forced: false,
    compromised: false,
    state: 'running',
    step: 'create',
    startedAt: at.toISOString(),
    updatedAt: at.toISOString(),
    attempts: 0,
    steps: [],
    ...changes,
  };
}

const record = (object: ObjectRef, changes: Partial<JournalRecord> = {}): JournalRecord => ({
  schema: 1,
  object,
  lease: { owner: 'one', until: new Date(START + 60_000).toISOString() },
  ...changes,
});

async function failure(work: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await work.then(
    () => expect.fail('the call should have failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RotationError);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/SharedKey|Bearer |AccountKey/);
  return error as RotationError;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('the journal row', () => {
  it('is absent at first, then is what was written', async () => {
    const object = fresh();
    expect(await journal.read(object, call())).toBeUndefined();
    const written = record(object, { run: run(object), owns: { system: 'x', slots: ['a', 'b'] } });
    const etag = await journal.write(written, undefined, call());
    expect(await journal.read(object, call())).toEqual({ record: written, etag } satisfies JournalEntry);
  });

  it('gives the ETag of the journal row, with and without a run, inserting and replacing', async () => {
    const object = fresh();
    let etag: string | undefined;
    for (const changes of [{ run: run(object) }, { run: run(object) }, {}, { run: run(object) }]) {
      etag = await journal.write(record(object, changes), etag, call());
      expect((await journal.read(object, call()))?.etag).toBe(etag);
    }
  });

  it('is one request to read and one to write', async () => {
    const object = fresh();
    sandbox.ctx.traffic.clear();
    const etag = await journal.write(record(object, { run: run(object) }), undefined, call());
    await journal.write(record(object, { run: run(object) }), etag, call());
    await journal.read(object, call());
    expect(sandbox.ctx.traffic.entries.map(({ operation }) => operation.split('(')[0])).toEqual([
      'POST /$batch',
      'POST /$batch',
      'GET /keyturn',
    ]);
  });

  it('is inserted only once', async () => {
    const object = fresh();
    await journal.write(record(object), undefined, call());
    const second = await failure(journal.write(record(object, { run: run(object) }), undefined, call()));
    expect(second).toMatchObject({ code: 'LEASE_LOST', recovery: 'retry', effect: 'none' });
    expect(await journal.runs({ object, limit: 9 }, call())).toEqual([]);
  });

  it('is fenced: a writer with an old ETag loses, and its ledger row is not written either', async () => {
    const object = fresh();
    const first = await journal.write(record(object), undefined, call());
    const second = await journal.write(record(object, { run: run(object, { reason: 'winner' }) }), first, call());
    const late = record(object, { run: run(object, { reason: 'loser' }) });
    expect(await failure(journal.write(late, first, call()))).toMatchObject({ code: 'LEASE_LOST', effect: 'none' });
    expect((await journal.read(object, call()))?.etag).toBe(second);
    const ledger = await journal.runs({ object, limit: 9 }, call());
    expect(ledger.map((one) => one.run.reason)).toEqual(['winner']);
  });

  it('has one winner of many writers at once', async () => {
    const object = fresh();
    const etag = await journal.write(record(object), undefined, call());
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) =>
        journal.write(record(object, { run: run(object, { reason: `w${n}` }) }), etag, call()),
      ),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'LEASE_LOST' });
    }
    expect(await journal.runs({ object, limit: 9 }, call())).toHaveLength(1);
  });

  it('that is gone is LEASE_LOST for who still holds an ETag', async () => {
    const error = await failure(
      journal.write(record(fresh()), `W/"datetime'2020-01-01T00%3A00%3A00.0000000Z'"`, call()),
    );
    expect(error).toMatchObject({ code: 'LEASE_LOST', effect: 'none' });
  });

  it('holds 30 KB, and refuses more rather than cut it', async () => {
    const object = fresh();
    const filled = (bytes: number): JournalRecord =>
      record(object, {
        run: run(object, {
          steps: [{ step: 'set', at: new Date(START).toISOString(), ms: 1, outcome: 'ok', detail: 'ü'.repeat(bytes) }],
        }),
      });
    const large = filled(30 * 1024);
    const etag = await journal.write(large, undefined, call());
    expect((await journal.read(object, call()))?.record).toEqual(large);
    const error = await failure(journal.write(filled(40_000), etag, call()));
    expect(error).toMatchObject({ code: 'JOURNAL_INVALID', effect: 'none' });
    expect((await journal.read(object, call()))?.etag).toBe(etag);
  });
});

describe('the ledger', () => {
  it('finds a run by its id, and nothing by another', async () => {
    const object = fresh();
    const one = run(object);
    await journal.write(record(object, { run: one }), undefined, call());
    expect(await journal.run(one.rotationId, call())).toEqual({ object, run: one });
    expect(await journal.run(newRotationId(object, new Date(START)), call())).toBeUndefined();
    expect(await journal.run("no ' id", call())).toBeUndefined();
  });

  it('lists the others when a row of it cannot be read, and names that one', async () => {
    const told: RotationError[] = [];
    const connectionString = new SecretValue(azurite.connectionString);
    const credential = () => expect.fail('a connection string needs no credential');
    const own = createJournal({
      table: 'spoilt',
      connectionString,
      credential,
      unreadable: (error) => told.push(error),
    });
    const objects = [fresh(), fresh()] as const;
    const runs = objects.map((object) => run(object));
    for (const [index, object] of objects.entries()) {
      await own.write(record(object, { run: runs[index] ?? run(object) }), undefined, call());
    }
    const partitionKey = objectKey(objects[0]);
    const table = TableClient.fromConnectionString(azurite.connectionString, 'spoilt');
    await table.updateEntity({ partitionKey, rowKey: `run_${runs[0]?.rotationId ?? ''}`, run: '{' }, 'Merge');
    expect((await own.runs({ limit: 10 }, call())).map(({ run: { rotationId } }) => rotationId)).toEqual([
      runs[1]?.rotationId,
    ]);
    expect(told).toMatchObject([{ code: 'JOURNAL_INVALID', message: expect.stringContaining(partitionKey) as string }]);
  });

  it('shows an announced run before it is claimed, and what became of it after', async () => {
    const object = fresh();
    const queued = run(object, { state: 'queued', step: 'claim' });
    await journal.announceRun(object, queued, call());
    expect((await journal.run(queued.rotationId, call()))?.run.state).toBe('queued');
    await journal.write(record(object, { run: { ...queued, state: 'running' } }), undefined, call());
    expect((await journal.run(queued.rotationId, call()))?.run.state).toBe('running');
  });

  it('lists runs newest first, by object, vault, name and state, and no more than asked for', async () => {
    const vault = `https://kv-${randomBytes(4).toString('hex')}.vault.azure.net`;
    const a: ObjectRef = { kind: 'secret', vault, name: 'a' };
    const b: ObjectRef = { kind: 'secret', vault, name: 'b' };
    const add = (object: ObjectRef, reason: string, state: Run['state'], afterMs: number): Promise<void> =>
      journal.announceRun(object, run(object, { reason, state }, afterMs), call());
    await add(a, 'a2', 'done', 2000);
    await add(b, 'b3', 'blocked', 3000);
    await add(a, 'a1', 'blocked', 1000);
    await add(b, 'b4', 'done', 4000);
    const reasons = async (filter: Parameters<Journal['runs']>[0]): Promise<string[]> =>
      (await journal.runs(filter, call())).map((one) => one.run.reason);
    expect(await reasons({ vault, limit: 10 })).toEqual(['b4', 'b3', 'a2', 'a1']);
    expect(await reasons({ vault, limit: 2 })).toEqual(['b4', 'b3']);
    expect(await reasons({ vault, name: 'a', limit: 10 })).toEqual(['a2', 'a1']);
    expect(await reasons({ object: b, limit: 10 })).toEqual(['b4', 'b3']);
    expect(await reasons({ vault, state: 'blocked', limit: 10 })).toEqual(['b3', 'a1']);
    expect(await reasons({ object: a, state: 'blocked', limit: 10 })).toEqual(['a1']);
    expect(await reasons({ name: "o'brien", limit: 10 })).toEqual([]);
    const key: ObjectRef = { ...a, kind: 'key' };
    await add(key, 'k5', 'done', 5000);
    expect(await reasons({ vault, name: 'a', limit: 10 })).toEqual(['k5', 'a2', 'a1']);
    expect(await reasons({ object: key, limit: 10 })).toEqual(['k5']);
  });

  it('knows every record with a run that is not over', async () => {
    const states: Run['state'][] = ['queued', 'running', 'waiting', 'blocked', 'done', 'cancelled', 'refused'];
    const objects = states.map(fresh);
    for (const [index, object] of objects.entries()) {
      const state = states[index] ?? 'done';
      await journal.write(record(object, { run: run(object, { state }) }), undefined, call());
    }
    const idle = fresh();
    await journal.write(record(idle), undefined, call());
    const keys = [...objects, idle].map(objectKey);
    const entries = await all(journal.open(call()));
    const found = entries.filter((entry): entry is JournalEntry => !(entry instanceof RotationError));
    const mine = found.filter((entry) => keys.includes(objectKey(entry.record.object)));
    expect(mine.map((entry) => entry.record.run?.state).sort()).toEqual(['blocked', 'queued', 'running', 'waiting']);
    for (const entry of mine) expect(await journal.read(entry.record.object, call())).toEqual(entry);
  });
});

describe('slots', () => {
  const system = (): string => `mssql://${randomBytes(4).toString('hex')}.example.com:1433`;

  it('belong to who claims them first, again and again, whatever they are called', async () => {
    const [name, owner, other] = [system(), fresh(), fresh()];
    const slots = [`o'brien]--"; DROP /\\#?%\u0007`, 'ü'.repeat(100)];
    for (let times = 0; times < 2; times += 1) {
      expect(await journal.claimSlots(name, slots, owner, call())).toBeUndefined();
      expect(await journal.claimSlots(name, slots, other, call())).toEqual(owner);
    }
    expect(await journal.slotOwner(name, slots, call())).toEqual(owner);
    expect(await journal.slotOwner(system(), slots, call())).toBeUndefined();
  });

  it('are claimed all or not at all', async () => {
    const [name, owner, other] = [system(), fresh(), fresh()];
    await journal.claimSlots(name, ['b'], owner, call());
    expect(await journal.claimSlots(name, ['a', 'b'], other, call())).toEqual(owner);
    expect(await journal.slotOwner(name, ['a'], call())).toBeUndefined();
    expect(await journal.claimSlots(name, ['a', 'b'], owner, call())).toBeUndefined();
    expect(await journal.slotOwner(name, ['a'], call())).toEqual(owner);
  });

  it('have one owner when two objects claim them at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [name, a, b] = [system(), fresh(), fresh()];
      const answers = await Promise.all([
        journal.claimSlots(name, ['key1', 'key2'], a, call()),
        journal.claimSlots(name, ['key2', 'key1'], b, call()),
      ]);
      const losers = answers.filter((owner) => owner !== undefined);
      expect(losers).toHaveLength(1);
      expect(await journal.slotOwner(name, ['key1'], call())).toEqual(losers[0]);
      expect(await journal.slotOwner(name, ['key2'], call())).toEqual(losers[0]);
    }
  });

  it('are given up by their owner alone, and absent ones without a word', async () => {
    const [name, owner, other] = [system(), fresh(), fresh()];
    await journal.claimSlots(name, ['a', 'b'], owner, call());
    await journal.releaseSlots(name, ['a', 'b', 'c'], other, call());
    expect(await journal.slotOwner(name, ['a'], call())).toEqual(owner);
    for (let times = 0; times < 2; times += 1) await journal.releaseSlots(name, ['a', 'b', 'c'], owner, call());
    expect(await journal.claimSlots(name, ['a', 'b'], other, call())).toBeUndefined();
  });
});

describe('the table', () => {
  it('is made when it is first missed, by readers and writers alike', async () => {
    const name = (): string => `t${randomBytes(6).toString('hex')}`;
    const object = fresh();
    expect(await byConnectionString(name()).read(object, call())).toBeUndefined();
    expect(await all(byConnectionString(name()).open(call()))).toEqual([]);
    expect(await byConnectionString(name()).runs({ limit: 1 }, call())).toEqual([]);
    const written = byConnectionString(name());
    await written.write(record(object), undefined, call());
    expect((await written.read(object, call()))?.record.object).toEqual(object);
    expect(await byConnectionString(name()).claimSlots('s', ['a'], object, call())).toBeUndefined();
  });

  it('is made once when many find it missing', async () => {
    const crowded = byConnectionString(`t${randomBytes(6).toString('hex')}`);
    const objects = Array.from({ length: 6 }, fresh);
    await Promise.all(objects.map((object) => crowded.write(record(object), undefined, call())));
  });

  it('is reached by identity, too', async () => {
    const credential = new DefaultAzureCredential();
    const deps = { table: 'keyturn', tableUri: azurite.tableUrl, credential: () => Promise.resolve(credential) };
    const object = fresh();
    const etag = await createJournal(deps).write(record(object, { run: run(object) }), undefined, call());
    expect((await journal.read(object, call()))?.etag).toBe(etag);
  });

  it('cuts what a note quotes, and says so: the table service takes no text of more than 32K characters', async () => {
    // The half of the last character falls on the cut.
    const long = (mark: string): string => `${mark}${'\u{1F511}'.repeat(20_000)}`;
    const about = { at: new Date(START), kind: 'poisoned', message: long('m') } as const;
    await journal.note({ ...about, id: long('1'), remedy: long('r') }, call());
    await journal.note({ ...about, id: `${long('1')}2` }, call());
    const table = TableClient.fromConnectionString(azurite.connectionString, 'keyturn');
    const filter = `PartitionKey eq 'notes' and kind eq 'poisoned'`;
    const rows = await all(table.listEntities({ queryOptions: { filter } }));
    expect(rows, 'told apart by the whole of their ids').toHaveLength(2);
    const text = expect.stringMatching(/^[m1r].*… \(4000[12] characters in all\)$/su) as string;
    expect(rows).toEqual(expect.arrayContaining([expect.objectContaining({ id: text, message: text, remedy: text })]));
  });

  it('takes the same note twice as one', async () => {
    const note = {
      id: randomBytes(8).toString('hex'),
      at: new Date(START),
      kind: 'refused',
      message: 'foreign',
    } as const;
    await journal.note(note, call());
    await journal.note({ ...note, object: fresh(), version: 'v', code: 'NOT_SERVED', remedy: 'none' }, call());
  });
});

describe('failures', () => {
  it.each([
    [
      { status: 403, body: { 'odata.error': { code: 'AuthorizationFailure', message: { value: 'no' } } } },
      'ACCESS_DENIED',
      'none',
      'reconfigure',
    ],
    [{ status: 429, headers: { 'retry-after': '3' } }, 'THROTTLED', 'none', 'retry'],
    [{ status: 500 }, 'UNAVAILABLE', 'unknown', 'retry'],
    [{ status: 503 }, 'UNAVAILABLE', 'unknown', 'retry'],
    [{ drop: 'after' }, 'UNAVAILABLE', 'unknown', 'retry'],
  ] as const)('of a write come out with code and effect: %o', async (action, code, effect, recovery) => {
    const object = fresh();
    sandbox.ctx.faults.add({ system: 'tables', match: '.', action });
    expect(await failure(journal.write(record(object), undefined, call()))).toMatchObject({ code, effect, recovery });
    expect(sandbox.ctx.traffic.entries).toHaveLength(1);
    expect(await failure(journal.read(object, call()))).toMatchObject({ code, effect: 'none' });
    expect(await failure(all(journal.open(call())))).toMatchObject({ code, effect: 'none' });
  });

  it('leave a write whose answer was lost to be found by reading', async () => {
    const object = fresh();
    sandbox.ctx.faults.add({ system: 'tables', match: 'batch', times: 1, action: { drop: 'after' } });
    expect((await failure(journal.write(record(object), undefined, call()))).effect).toBe('unknown');
    expect((await journal.read(object, call()))?.record).toEqual(record(object));
  });

  it('say TIMED_OUT when the call is aborted', async () => {
    sandbox.ctx.faults.add({ system: 'tables', match: '.', action: { delayMs: 3_600_000 } });
    const write = journal.write(record(fresh()), undefined, call(AbortSignal.timeout(100)));
    expect(await failure(write)).toMatchObject({ code: 'TIMED_OUT', effect: 'unknown', recovery: 'retry' });
    const read = journal.read(fresh(), call(AbortSignal.timeout(100)));
    expect(await failure(read)).toMatchObject({ code: 'TIMED_OUT', effect: 'none' });
  });
});

describe('rotation ids', () => {
  it('sort by time and lead back to the object, however it is spelt', () => {
    const object = fresh();
    const ids = [5, 1, 3].map((n) => newRotationId(object, new Date(START + n)));
    expect([...ids].sort()).toEqual([ids[1], ids[2], ids[0]]);
    const shouted = { ...object, vault: object.vault.toUpperCase(), name: object.name.toUpperCase() };
    for (const id of ids) expect(objectKeyOf(id)).toBe(objectKey(shouted));
    expect(newRotationId(object, new Date(START), () => new Uint8Array([0, 1, 254, 255]))).toBe(
      `${objectKey(object)}-20261122120000000-0001feff`,
    );
    expect(objectKeyOf('x')).toBeUndefined();
  });
});
