import { randomBytes } from 'node:crypto';
import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startAzurite, type AzuriteService } from '../../sandbox/azurite/azurite.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run as SandboxRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import type { Adoption, Standing } from '../../src/rotation/adoption/record.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { objectKey } from '../../src/rotation/ids.ts';
import { SecretValue, type Adoptions, type Call, type ObjectRef } from '../../src/rotation/ports.ts';
import { createAdoptions } from '../../src/state/adoptions.ts';

let sandbox: SandboxRun;
let identity: IdentityService;
let azurite: AzuriteService;
let adoptions: Adoptions;
let undo: () => void;

beforeAll(async () => {
  sandbox = await createRun();
  identity = await startIdentity(sandbox.ctx);
  azurite = await startAzurite(sandbox.ctx, { identity });
  undo = trustSandbox(sandbox.ctx.pki);
  adoptions = createAdoptions({
    table: 'keyturn',
    connectionString: new SecretValue(azurite.connectionString),
    credential: () => expect.fail('a connection string needs no credential'),
  });
});

afterAll(async () => {
  undo();
  await azurite.stop();
  await identity.stop();
  sandbox.dispose();
});

beforeEach(() => {
  sandbox.ctx.faults.clear();
  sandbox.ctx.traffic.clear();
});

const START = Date.parse('2026-11-22T12:00:00Z');
const call = (afterMs = 0): Call => ({ signal: new AbortController().signal, now: () => new Date(START + afterMs) });
const fresh = (): ObjectRef => ({
  kind: 'certificate',
  vault: 'https://kv.vault.azure.net',
  name: `c-${randomBytes(6).toString('hex')}`,
});
const parent = (): string =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/${randomBytes(4).toString('hex')}`;

function standing(index: number): Standing {
  const id = `${parent()}/${index}/${'x'.repeat(300)}`;
  const since = new Date(START).toISOString();
  return { kind: 'site', id, parent: id, hosts: [`h${index}.example.com`], state: 'pushed', since, attempts: 0 };
}

function record(object: ObjectRef, changes: Partial<Adoption> = {}): Adoption {
  const startedAt = new Date(START).toISOString();
  return { schema: 1, object, version: 'v1', startedAt, consumers: [standing(1)], gaps: [], ...changes };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('the row about the consumers of an object', () => {
  it('is absent at first, then is what was written, in one request each', async () => {
    const object = fresh();
    expect(await adoptions.read(object, call())).toBeUndefined();
    sandbox.ctx.traffic.clear();
    const etag = await adoptions.write(record(object), undefined, call());
    const entry = await adoptions.read(object, call());
    expect(entry?.etag).toBe(etag);
    expect(entry?.record.consumers).toHaveLength(1);
    expect(sandbox.ctx.traffic.entries).toHaveLength(2);
  });

  it('is fenced: a writer with an old ETag loses, and so does one who takes it for absent', async () => {
    const object = fresh();
    const first = await adoptions.write(record(object), undefined, call());
    await adoptions.write(record(object, { version: 'v2' }), first, call());
    for (const etag of [first, undefined]) {
      await expect(adoptions.write(record(object, { version: 'v3' }), etag, call())).rejects.toMatchObject({
        code: 'LEASE_LOST',
        effect: 'none',
      });
    }
    expect((await adoptions.read(object, call()))?.record.version).toBe('v2');
  });

  it('holds hundreds of consumers, and as few as are left', async () => {
    const object = fresh();
    const many = record(object, { consumers: Array.from({ length: 400 }, (_, index) => standing(index)) });
    const etag = await adoptions.write(many, undefined, call());
    expect((await adoptions.read(object, call()))?.record).toEqual(many);
    const few = record(object);
    await adoptions.write(few, etag, call());
    expect((await adoptions.read(object, call()))?.record).toEqual(few);
  });

  it('holds a thousand consumers that have all failed for want of one grant, each with its words', async () => {
    const object = fresh();
    const consumers = Array.from({ length: 1000 }, (_, index): Standing => {
      const { id, ...rest } = standing(index);
      const remedy = `az role assignment create --role "Website Contributor" --scope "${id}"`;
      const trouble = { code: 'ACCESS_DENIED', message: `write on ${id} was answered 403 über ${id}`, remedy } as const;
      return { ...rest, id, state: 'failed', trouble };
    });
    const many = record(object, { consumers });
    const etag = await adoptions.write(many, undefined, call());
    expect((await adoptions.read(object, call()))?.record).toEqual(many);
    await adoptions.write(record(object), etag, call());
    expect((await adoptions.read(object, call()))?.record).toEqual(
      record(object, { consumers: expect.anything() as [] }),
    );
    const table = TableClient.fromConnectionString(azurite.connectionString, 'keyturn');
    await table.updateEntity({ partitionKey: objectKey(object), rowKey: 'adoption', record0: 'packed:x' }, 'Merge');
    await expect(adoptions.read(object, call())).rejects.toMatchObject({ code: 'JOURNAL_INVALID' });
  });

  it('refuses more than it holds, naming what to do, and keeps what was there', async () => {
    const object = fresh();
    const etag = await adoptions.write(record(object), undefined, call());
    // Nothing of it repeats itself, so that packing does not make it small.
    const consumers = Array.from({ length: 4000 }, (_, index) => ({
      ...standing(index),
      parent: randomBytes(150).toString('hex'),
    }));
    await expect(adoptions.write(record(object, { consumers }), etag, call())).rejects.toMatchObject({
      code: 'JOURNAL_INVALID',
      effect: 'none',
    });
    expect((await adoptions.read(object, call()))?.etag).toBe(etag);
  });

  it('is found again while there is something left to do, and named when it cannot be read', async () => {
    const [open, settled, spoilt] = [fresh(), fresh(), fresh()];
    const wakeAt = new Date(START + 60_000).toISOString();
    await adoptions.write(record(open, { wakeAt }), undefined, call());
    await adoptions.write(record(settled), undefined, call());
    await adoptions.write(record(spoilt, { wakeAt }), undefined, call());
    const table = TableClient.fromConnectionString(azurite.connectionString, 'keyturn');
    await table.updateEntity({ partitionKey: objectKey(spoilt), rowKey: 'adoption', record0: '{"schema":2}' }, 'Merge');
    const found = await all(adoptions.open(call()));
    const keys = found.map((one) => (one instanceof RotationError ? one.code : objectKey(one.record.object)));
    expect(keys).toContain(objectKey(open));
    expect(keys).not.toContain(objectKey(settled));
    expect(keys).toContain('JOURNAL_INVALID');
    await expect(adoptions.read(spoilt, call())).rejects.toMatchObject({
      code: 'JOURNAL_INVALID',
      message: expect.stringContaining(spoilt.name) as string,
    });
  });
});

describe('a resource that is changed', () => {
  const until = (ms: number): Date => new Date(START + ms);

  it('is one owner’s until it is given back', async () => {
    const id = parent();
    expect(await adoptions.takeParent(id, 'one', until(60_000), call())).toBe(true);
    expect(await adoptions.takeParent(id.toUpperCase(), 'two', until(60_000), call())).toBe(false);
    expect(await adoptions.takeParent(id, 'one', until(90_000), call())).toBe(true);
    await adoptions.releaseParent(id, 'two', call());
    expect(await adoptions.takeParent(id, 'two', until(60_000), call())).toBe(false);
    for (let times = 0; times < 2; times += 1) await adoptions.releaseParent(id, 'one', call());
    expect(await adoptions.takeParent(id, 'two', until(60_000), call())).toBe(true);
  });

  it('is free when the time of its owner is over', async () => {
    const id = parent();
    await adoptions.takeParent(id, 'one', until(60_000), call());
    expect(await adoptions.takeParent(id, 'two', until(120_000), call(60_001))).toBe(true);
    await adoptions.releaseParent(id, 'one', call());
    expect(await adoptions.takeParent(id, 'three', until(180_000), call(60_002))).toBe(false);
  });

  it('has one winner when many take it at once, also after it lapsed', async () => {
    const id = parent();
    for (const afterMs of [0, 120_000]) {
      const owners = Array.from({ length: 8 }, (_, index) => `owner-${afterMs}-${index}`);
      const answers = await Promise.all(
        owners.map((owner) => adoptions.takeParent(id, owner, until(afterMs + 60_000), call(afterMs))),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
    }
  });
});
