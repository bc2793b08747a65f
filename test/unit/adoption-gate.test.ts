import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { ADOPTION_PATIENCE_MS } from '../../src/rotation/backoff.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { Bench, error, OBJECT, OVERLAP } from '../support/memory/bench.ts';
import { DAY, HOUR, MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const GAP = { where: 'a wall', message: 'it may not be read', remedy: 'az role …' };

/** Rotated, its overlap over, and the message for the retirement still to be delivered. */
async function overlapOver(prepare: (bench: Bench) => void = () => undefined): Promise<Bench> {
  const bench = new Bench();
  bench.consumers.put('site', { version: 'v1', takes: 'lagging' });
  prepare(bench);
  await bench.rotated();
  bench.clock.advance(OVERLAP + 1000);
  return bench;
}

/** Everybody is looked at once more before anything goes, which takes a minute. */
async function looksOnceMore(bench: Bench): Promise<void> {
  await bench.drain();
  bench.clock.advance(MINUTE + 1);
  await bench.drain();
}

describe('the old credential', () => {
  it('is kept for a consumer that had the new version, and has gone back to the old one', async () => {
    const bench = new Bench();
    bench.consumers.put('site', { version: 'v1' });
    await bench.rotated();
    expect(bench.consumers.serves('site')).toBe('v2');
    bench.consumers.put('site', { version: 'v1', takes: 'lagging' });
    bench.clock.advance(OVERLAP + 1000);
    await looksOnceMore(bench);
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    expect(bench.rotator.passwords.has('a')).toBe(true);
    bench.consumers.settle('v2');
    for (let waited = 0; waited < 3; waited += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(bench.run.state).toBe('done');
  });

  it('is kept for one that has come since, or was taken for gone and is there', async () => {
    const bench = new Bench();
    bench.consumers.put('app', { version: 'v1' });
    bench.calls.fail('consumer.confirm', error('TARGET_NOT_FOUND'));
    await bench.rotated();
    bench.consumers.put('late', { version: 'v1', takes: 'lagging' });
    bench.clock.advance(OVERLAP + 1000);
    await looksOnceMore(bench);
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    expect(bench.consumers.serves('app')).toBe('v2');
  });

  it('is kept until every consumer has the new version', async () => {
    const bench = await overlapOver();
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    expect(bench.run.steps.at(-1)).toMatchObject({ outcome: 'waiting', detail: containing('site is propagating') });
    expect(bench.rotator.passwords.has('a')).toBe(true);
    bench.consumers.put('site', { version: 'v2' });
    await createRunbook(bench.engine).push({ vault: 'kv', name: 'db' }, 'alice');
    await bench.drain();
    bench.clock.advance(HOUR);
    await bench.drain();
    expect(bench.run.state).toBe('done');
  });

  it('is kept until whoever gave no answer has been asked again', async () => {
    const bench = await overlapOver(({ consumers }) => {
      consumers.put('site', { version: 'v1' });
      consumers.gaps = [{ where: '/app', message: '/app was answered 503', passing: true }];
    });
    await bench.resume();
    expect(bench.run.steps.at(-1)).toMatchObject({
      outcome: 'waiting',
      detail: containing('/app could not be looked through: /app was answered 503'),
    });
    expect(bench.rotator.passwords.has('a')).toBe(true);
    bench.consumers.gaps = [];
    await bench.drain();
    bench.clock.advance(HOUR);
    await bench.drain();
    await looksOnceMore(bench);
    expect(bench.run.state).toBe('done');
  });

  it('is not kept for a consumer that is advisory, whatever has become of it', async () => {
    const bench = await overlapOver(({ consumers }) => {
      consumers.put('site', { version: 'v1' });
      consumers.put('chat', { version: 'v1', takes: 'lagging', advisory: true });
    });
    await looksOnceMore(bench);
    expect(bench.adoptions.entry(OBJECT)?.record.consumers.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'site verified',
      'chat stale',
    ]);
    expect(bench.run.state).toBe('done');
  });

  it('does not wait until anybody is looked for, where all who could be found are advisory', async () => {
    const bench = new Bench();
    bench.consumers.put('chat', { version: 'v1', takes: 'delivered', advisory: true });
    bench.consumers.isAdvisory = true;
    await bench.deliver(bench.message());
    await bench.propagate();
    bench.calls.fail('adoptions.read', error('UNAVAILABLE'), 30);
    bench.clock.advance(OVERLAP + 1000);
    await bench.resume();
    expect(bench.run.state).toBe('done');
  });

  it('waits for a consumer whose answer is its proof, until it has answered', async () => {
    const bench = new Bench();
    bench.consumers.put('hook', { version: 'v1', takes: 'delivered' });
    bench.calls.fail('consumer.refresh', error('UNAVAILABLE'), 3);
    await bench.rotated();
    bench.clock.advance(OVERLAP + 1000);
    await bench.resume();
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    expect(bench.run.steps.at(-1)).toMatchObject({ detail: containing('hook is discovered: UNAVAILABLE happened') });
    for (let turn = 0; turn < 6; turn += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(bench.run.state).toBe('done');
  });

  it('is not waited for when it is compromised', async () => {
    const bench = new Bench();
    bench.consumers.put('site', { version: 'v1', takes: 'lagging' });
    await bench.deliver(bench.message('compromised', { rotationId: 'r1' }));
    expect(bench.run.state).toBe('done');
  });

  it('becomes a person’s question after a week', async () => {
    const bench = await overlapOver();
    for (let waited = 0; waited <= ADOPTION_PATIENCE_MS + DAY; waited += HOUR) {
      await bench.drain();
      bench.clock.advance(HOUR);
    }
    expect(bench.run).toMatchObject({
      state: 'blocked',
      blocked: { code: 'NOT_ADOPTED', message: containing('site'), remedy: containing('"accept":[') },
    });
  });

  it('waits for consumers that nobody has told yet, and has them told', async () => {
    const bench = new Bench();
    await bench.deliver(bench.message());
    await bench.propagate();
    bench.consumers.put('site', { version: 'v1' });
    bench.clock.advance(OVERLAP + 1000);
    await bench.drain();
    expect(bench.consumers.serves('site')).toBe('v2');
    bench.clock.advance(HOUR);
    await bench.drain();
    expect(bench.run.state).toBe('done');
  });

  it('is kept while a place cannot be looked through, has it looked through again, and goes when it can be', async () => {
    const bench = await overlapOver((fresh) => {
      fresh.consumers.put('site', { version: 'v1' });
      fresh.consumers.gaps = [GAP];
    });
    await bench.drain();
    expect(bench.run.steps.at(-1)).toMatchObject({
      outcome: 'waiting',
      detail: containing('a wall could not be looked through: it may not be read. az role …'),
    });
    expect(bench.rotator.passwords.has('a')).toBe(true);
    const looks = bench.calls.count('discovery.find');
    expect(looks).toBeGreaterThan(1);
    bench.consumers.gaps = [];
    for (let waited = 0; waited < 3; waited += 1) {
      bench.clock.advance(HOUR);
      await bench.drain();
    }
    expect(bench.run.state).toBe('done');
    expect(bench.consumers.pushes).toBe(1);
  });

  it('is kept for who is found in such a place, until he has it', async () => {
    const bench = await overlapOver((fresh) => {
      fresh.consumers.put('site', { version: 'v1' });
      fresh.consumers.gaps = [GAP];
    });
    await bench.drain();
    bench.consumers.gaps = [];
    bench.consumers.put('behind', { version: 'v1', takes: 'lagging' });
    bench.clock.advance(HOUR);
    await bench.drain();
    bench.clock.advance(HOUR);
    await bench.drain();
    expect(bench.run.steps.at(-1)).toMatchObject({ outcome: 'waiting', detail: containing('version v2: behind is ') });
    bench.consumers.settle('v2');
    for (let waited = 0; waited < 30; waited += 1) {
      bench.clock.advance(HOUR);
      await sweep(bench.engine);
      await bench.drain();
    }
    expect(bench.run.state).toBe('done');
  });

  it('becomes a person’s question after a week of gaps, which are named with what to do', async () => {
    const bench = await overlapOver((fresh) => {
      fresh.consumers.put('site', { version: 'v1' });
      fresh.consumers.gaps = [GAP];
    });
    for (let waited = 0; waited <= ADOPTION_PATIENCE_MS + DAY; waited += HOUR) {
      await bench.drain();
      bench.clock.advance(HOUR);
    }
    expect(bench.run).toMatchObject({
      state: 'blocked',
      blocked: {
        code: 'NOT_ADOPTED',
        message: containing('a wall could not be looked through: it may not be read. az role …'),
      },
    });
    expect(bench.rotator.passwords.has('a')).toBe(true);
  });

  it('goes once a person has vouched for who cannot be seen, and for a place that cannot be looked through', async () => {
    const bench = await overlapOver((fresh) => {
      fresh.consumers.put('site', { version: 'v1' });
      fresh.consumers.put('vpn', { version: 'v1', takes: 'by-hand' });
      fresh.consumers.gaps = [GAP];
    });
    await bench.drain();
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    const api = createRunbook(bench.engine);
    expect(await api.push({ vault: 'kv', name: 'db', accept: ['vpn', 'a wall'] }, 'alice')).toMatchObject({
      status: 200,
    });
    bench.clock.advance(HOUR);
    await bench.drain();
    await looksOnceMore(bench);
    expect(bench.run.state).toBe('done');
    expect(bench.consumers.serves('vpn')).toBe('v1');
  });

  it('is not waited for because of a gap when it is compromised', async () => {
    const bench = new Bench();
    bench.consumers.put('site', { version: 'v1' });
    bench.consumers.gaps = [GAP];
    await bench.deliver(bench.message('compromised', { rotationId: 'r1' }));
    expect(bench.run.state).toBe('done');
  });

  it('stays when nobody can be asked', async () => {
    const bench = await overlapOver();
    bench.calls.fail('adoptions.read', error('UNAVAILABLE'), 3);
    await bench.resume();
    expect(bench.run).toMatchObject({ step: 'confirm', lastError: { code: 'UNAVAILABLE' } });
  });
});

it('a rotation tells where each consumer of its version stands', async () => {
  const bench = await overlapOver();
  const answer = await createRunbook(bench.engine).read(bench.run.rotationId);
  expect(answer.body).toMatchObject({
    consumers: [{ id: 'site', state: 'propagating', whatToDo: containing('Nothing') }],
  });
});

it('a certificate’s new version is announced as one, and its consumers are told', async () => {
  const bench = new Bench();
  bench.consumers.put('site', { version: 'old' });
  const object = { ...OBJECT, kind: 'certificate' as const, name: 'web' };
  const at = bench.clock.now();
  const certificate = {
    sha256: 'AA',
    sha1: 'BB',
    names: [],
    notAfter: at,
    keyType: 'RSA' as const,
    exportable: true,
    contentType: '',
  };
  const info = { version: 'c2', enabled: true, createdOn: at, updatedOn: at, managed: false, tags: {} };
  bench.certificates.put(object, { ...info, certificate });
  bench.queue.put({ kind: 'propagate', message: { object, version: 'c2' } });
  await bench.drain();
  expect(bench.announced).toMatchObject([{ type: 'Keyturn.CertificateVersionCreated', version: 'c2' }]);
  expect(bench.consumers.serves('site')).toBe('c2');
});
