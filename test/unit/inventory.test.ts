import { describe, expect, it } from 'vitest';
import { inventory } from '../../src/rotation/inventory.ts';
import { Bench, days, OBJECT, OLD, OTHER_VAULT, TAGS, VAULT } from '../support/memory/bench.ts';
import { MINUTE } from '../support/memory/clock.ts';

describe('inventory', () => {
  it('tells of each managed object whether it is due and why, and its last run', async () => {
    const bench = new Bench();
    bench.seed({ object: { ...OBJECT, name: 'wrong' }, tags: { ...TAGS, Paused: 'x' } });
    bench.seed({ object: { ...OBJECT, name: 'not-ours' }, tags: {} });
    await bench.rotated();
    bench.vault.put({ ...OBJECT, vault: OTHER_VAULT }, OLD, TAGS);
    const { objects: items } = await inventory(bench.engine, [VAULT, OTHER_VAULT]);
    expect(items.map(({ object, due, reason }) => [object.vault, object.name, due, reason])).toEqual([
      [VAULT, 'db', false, 'OverlapNotOver'],
      [VAULT, 'wrong', false, 'CONFIG_INVALID'],
      [OTHER_VAULT, 'db', false, 'NotNearExpiry'],
    ]);
    expect(items[0]).toMatchObject({ credentialId: 'b', lastRun: { step: 'confirm' } });
    expect(items[1]?.problems?.[0]?.path).toBe('tags.Paused');
    expect(items[2]?.expiresOn).toBeUndefined();
  });

  it('of several runs of an object tells the last', async () => {
    const bench = new Bench();
    await bench.journal.announceRun(OBJECT, {
      ...(await anOldRun(bench)),
      rotationId: 'older',
      startedAt: '2026-01-01',
    });
    const [item] = (await inventory(bench.engine, [VAULT])).objects;
    expect(item?.lastRun?.rotationId).toBe(bench.run.rotationId);
  });

  const anOldRun = async (bench: Bench) => {
    await bench.rotated();
    return bench.run;
  };

  it('does not hide a bug', async () => {
    const bench = new Bench({}, (rotator) =>
      Object.assign(rotator, {
        parseTarget: () => {
          throw new TypeError('a bug');
        },
      }),
    );
    await expect(inventory(bench.engine, [VAULT])).rejects.toThrow(TypeError);
  });

  it('looks at the newest run of an object, and a refused request does not hide an open one', async () => {
    const bench = new Bench();
    await bench.rotated();
    bench.clock.advance(MINUTE);
    await bench.deliver(bench.message('manual', { rotationId: 'asked-later' }));
    expect(bench.journal.ledger.get('asked-later')?.run.state).toBe('refused');
    bench.vault.change(OBJECT, { expiresOn: bench.clock.now() });
    bench.clock.advance(MINUTE);
    const startedAt = bench.clock.now().toISOString();
    await bench.journal.announceRun(OBJECT, { ...bench.run, rotationId: 'not-begun', state: 'queued', startedAt });
    bench.seed({ object: { ...OBJECT, name: 'young' }, expiresOn: days(89) });
    expect((await inventory(bench.engine, [VAULT])).objects).toMatchObject([
      { due: false, reason: 'OverlapNotOver' },
      { due: false, reason: 'NotNearExpiry' },
    ]);
  });
});
