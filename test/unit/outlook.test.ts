import { describe, expect, it } from 'vitest';
import { blockedRuns, outlook, type Claim, type Seen } from '../../src/rotation/outlook.ts';
import type { JournalRecord, Run } from '../../src/rotation/record.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { CERTIFICATE, CertificateBench } from '../support/memory/certificate-bench.ts';
import { Bench, days, error, OBJECT, OTHER_VAULT, TAGS, VAULT } from '../support/memory/bench.ts';
import { DAY, HOUR, NOW } from '../support/memory/clock.ts';
import { KEY, KeyBench } from '../support/memory/key-bench.ts';

const OURS: Claim = { by: 'keyturn', paused: false, leadTimeMs: 30 * DAY, asks: true };
const RUN: Run = {
  rotationId: 'r',
  reason: 'NearExpiry',
  forced: false,
  compromised: false,
  state: 'waiting',
  step: 'set',
  startedAt: NOW.toISOString(),
  updatedAt: NOW.toISOString(),
  attempts: 0,
  steps: [],
};
const named = (name: string, left: number | undefined, claim: Claim = OURS): Seen => ({
  listing: { object: { ...OBJECT, name }, ...(left === undefined ? {} : { expiresOn: days(left) }) },
  claim,
});
const of = (seen: readonly Seen[], run?: Partial<Run>) =>
  outlook(
    VAULT,
    seen,
    () => (run === undefined ? undefined : { schema: 1, object: OBJECT, run: { ...RUN, ...run } }),
    NOW,
  );

describe('near its expiry without a run is', () => {
  it.each<[string, Seen, Partial<Run> | undefined, string | undefined]>([
    ['what is due and was not asked for before', named('x', 29), undefined, 'no run yet'],
    ['what has expired', named('x', -1), undefined, 'no run yet'],
    ['what is paused', named('x', 5, { ...OURS, paused: true }), undefined, 'it is paused'],
    ['what has wrong tags', named('x', 5, { by: 'wrong tags' }), undefined, 'its tags are wrong'],
    ['what nobody rotates', named('x', 5, { by: 'nobody' }), undefined, 'nobody rotates it'],
    ['what waits for the run before', named('x', 5), { to: { slot: 'a', version: 'v' } }, 'the run before is not over'],
    ['what the vault was to renew, and has expired', named('x', 0, { ...OURS, asks: false }), undefined, 'no run yet'],
    ['not what has a run', named('x', 5), {}, undefined],
    ['not what has a run that is blocked: that is told of by itself', named('x', 5), { state: 'blocked' }, undefined],
    ['not what is left to the vault', named('x', 5, { ...OURS, asks: false }), undefined, undefined],
    ['not what is young', named('x', 31), undefined, undefined],
    ['not what never expires', named('x', undefined), undefined, undefined],
    ['not what nobody rotates and is young', named('x', 31, { by: 'nobody' }), undefined, undefined],
    ['not what nobody rotates and has expired long ago', named('x', -31, { by: 'nobody' }), undefined, undefined],
  ])('%s', (_, seen, run, why) => {
    expect(of([seen], run).expiring.map((one) => one.why)).toEqual(why === undefined ? [] : [why]);
  });
});

describe('the outlook of a vault', () => {
  it('counts what is managed and what is not, what has expired, and what never will', () => {
    const seen = [
      named('a', 90),
      named('b', undefined),
      named('c', -40, { by: 'nobody' }),
      named('d', 1, { by: 'wrong tags' }),
    ];
    expect(of(seen)).toMatchObject({ vault: VAULT, managed: 2, unmanaged: 2, withoutExpiry: 1, expired: 1 });
  });

  it('names the soonest first, ours before those of nobody, and twenty at most', () => {
    const others = Array.from({ length: 30 }, (_, index) => named(`other-${index}`, 30 - index, { by: 'nobody' }));
    const { expiring } = of([...others, named('late', 20), named('early', 2)]);
    expect(expiring).toHaveLength(20);
    expect(expiring.slice(0, 3)).toEqual([
      { object: `${VAULT}/secrets/early`, daysLeft: 2, managed: true, why: 'no run yet' },
      { object: `${VAULT}/secrets/late`, daysLeft: 20, managed: true, why: 'no run yet' },
      { object: `${VAULT}/secrets/other-29`, daysLeft: 1, managed: false, why: 'nobody rotates it' },
    ]);
  });
});

it('runs that are blocked are named, the longest first, twenty at most', () => {
  const record = (hours: number, state: Run['state'] = 'blocked'): JournalRecord => ({
    schema: 1,
    object: OBJECT,
    run: {
      ...RUN,
      rotationId: `r${hours}`,
      state,
      blocked: { code: 'DRIFTED', message: 'm', at: days(-hours / 24).toISOString() },
    },
  });
  expect(blockedRuns([record(1), record(5), record(9, 'waiting'), { schema: 1, object: OBJECT }])).toEqual([
    {
      object: `${VAULT}/secrets/db`,
      rotationId: 'r5',
      step: 'set',
      code: 'DRIFTED',
      since: days(-5 / 24).toISOString(),
    },
    {
      object: `${VAULT}/secrets/db`,
      rotationId: 'r1',
      step: 'set',
      code: 'DRIFTED',
      since: days(-1 / 24).toISOString(),
    },
  ]);
  expect(blockedRuns(Array.from({ length: 30 }, (_, index) => record(index)))).toHaveLength(20);
});

describe('the sweep tells the log', () => {
  const told = (bench: Bench, vault = VAULT): unknown[] =>
    bench.logged
      .splice(0)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((entry) => entry['event'] === 'sweep.vault' && entry['vault'] === vault);

  it('what it has seen in each vault, and nothing of a secret that is disabled, a certificate’s, or waiting', async () => {
    const bench = new Bench();
    const free = { tags: {}, expiresOn: days(3) };
    bench.seed({ object: { ...OBJECT, name: 'nobodys' }, ...free });
    bench.seed({ object: { ...OBJECT, name: 'backing' }, managed: true, ...free });
    bench.seed({ object: { ...OBJECT, name: 'db-keyturn-pending' }, ...free });
    const off = { ...OBJECT, name: 'off' };
    bench.seed({ object: off, ...free });
    bench.vault.change(off, { enabled: false });
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([
      {
        ...{ level: 'info', managed: 1, unmanaged: 1, withoutExpiry: 0, expired: 0 },
        expiring: [
          { object: `${VAULT}/secrets/db`, daysLeft: 20, managed: true, why: 'no run yet' },
          { object: `${VAULT}/secrets/nobodys`, daysLeft: 3, managed: false, why: 'nobody rotates it' },
        ],
      },
    ]);
    await sweep(bench.engine);
    expect(told(bench, OTHER_VAULT)).toMatchObject([{ managed: 0, unmanaged: 0, expiring: [] }]);
  });

  it('nothing of a vault that could not be listed: silence is not “all is well”', async () => {
    const bench = new Bench();
    bench.calls.fail('vault.list', error('UNAVAILABLE'));
    await sweep(bench.engine);
    expect(told(bench)).toEqual([]);
  });

  it('no more of a secret as soon as it has its run', async () => {
    const bench = new Bench();
    await bench.rotated();
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ managed: 1, expiring: [] }]);
  });

  it('a certificate, unless the vault renews it itself, and one that nobody renews', async () => {
    const bench = await CertificateBench.open();
    await sweep(bench.engine);
    const object = `${VAULT}/certificates/web`;
    expect(told(bench)).toMatchObject([{ managed: 1, expiring: [{ object, why: 'no run yet' }] }]);
    bench.certificates.policyNow = { ...bench.certificates.policyNow, renews: { daysBeforeExpiry: 10 } };
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ managed: 1, expiring: [] }]);
    bench.certificates.change(CERTIFICATE, { tags: {} });
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ managed: 0, expiring: [{ object, why: 'nobody rotates it' }] }]);
  });

  it('a key, unless the vault rotates it itself, and one that nobody rotates', async () => {
    const bench = new KeyBench();
    const object = `${VAULT}/keys/cmk`;
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ managed: 2, expiring: [{}, { object, why: 'no run yet' }] }]);
    bench.keys.policy = { rotates: { from: 'expiry', period: { months: 0, days: 10 } } };
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ managed: 2, expiring: [{ object: `${VAULT}/secrets/db` }] }]);
    bench.keys.put(KEY, {}, { createdOn: days(-70), expiresOn: days(2) });
    await sweep(bench.engine);
    expect(told(bench)).toMatchObject([{ unmanaged: 1, expiring: [{}, { object, why: 'nobody rotates it' }] }]);
  });

  it('which runs are blocked', async () => {
    const bench = new Bench();
    bench.seed({ tags: { ...TAGS, OverlapHours: 'many' } });
    await bench.deliver(bench.message('sweep'));
    bench.clock.advance(HOUR);
    expect(await sweep(bench.engine)).toMatchObject({ open: 1, blocked: [{ code: 'CONFIG_INVALID', step: 'claim' }] });
  });
});
