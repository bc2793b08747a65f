import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { issue } from '../support/certificates.ts';
import { days, error } from '../support/memory/bench.ts';
import { CERTIFICATE, CERTIFICATE_TAGS, CertificateBench, NAMES } from '../support/memory/certificate-bench.ts';
import { HOUR, MINUTE } from '../support/memory/clock.ts';

const ASK = { vault: 'kv', name: 'web', kind: 'certificate' };

describe('a new version', () => {
  it.each([
    ['when it is decided', 0],
    ['later', MINUTE - 1],
  ])('is not made twice where what somebody has begun ends between two questions, %s', async (_, wait) => {
    const bench = await CertificateBench.open();
    bench.certificates.operationMs = MINUTE;
    await bench.certificates.renew(CERTIFICATE, CERTIFICATE_TAGS);
    if (wait > 0) await bench.deliver(bench.about());
    bench.clock.advance(MINUTE - 1);
    bench.calls.before('certificates.operation', () => bench.clock.advance(2));
    await (wait > 0 ? bench.wake() : bench.deliver(bench.about()));
    await bench.live(HOUR);
    expect(bench.certificateRun).toMatchObject({ state: 'done', to: { version: bench.newest.version } });
    // Our own request is answered with the operation that is under way.
    expect(bench.calls.count('certificates.renew')).toBe(wait > 0 ? 2 : 1);
    expect(await bench.certificates.operation(CERTIFICATE)).toMatchObject({ status: 'completed' });
    expect(bench.made).toBe(1);
  });

  it('is not made once more by the message that had asked for it, delivered again', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.next = { names: ['www.example'] };
    await createRunbook(bench.engine).start(ASK, 'me');
    const taken = bench.queue.take();
    if (taken?.item.kind !== 'rotate') throw new TypeError('nothing was asked for');
    bench.clock.advance(1000);
    await bench.deliver(taken.item.message);
    bench.clock.advance(MINUTE);
    expect(await bench.deliver(taken.item.message)).toMatchObject({ outcome: 'blocked' });
    expect(bench.made).toBe(1);
  });

  it('is looked at, and not made anew, when what it lacked was a grant', async () => {
    const bench = await CertificateBench.open();
    bench.calls.fail('certificates.chain', error('ACCESS_DENIED', { recovery: 'reconfigure' }));
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked' });
    await createRunbook(bench.engine).start(ASK, 'me');
    await bench.live(HOUR);
    expect(bench.made).toBe(1);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('that a person has had signed is taken, too, when the one before was disabled meanwhile', async () => {
    const root = await issue({ names: ['Root'], isAuthority: true });
    const bench = await CertificateBench.open({ issuer: root });
    bench.certificates.policyNow = { ...bench.certificates.policyNow, issuer: 'Unknown' };
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked' });
    bench.calls.fail('certificates.chain', error('HUMAN_REQUIRED', { recovery: 'human' }), 2);
    const valid = { from: days(0), until: days(90) };
    const certificate = (await issue({ names: NAMES, issuer: root, valid })).chainPem;
    const { rotationId } = bench.certificateRun;
    expect(await createRunbook(bench.engine).takeSigned(rotationId, { certificate }, 'me')).toMatchObject({
      status: 202,
    });
    expect(bench.made).toBe(1);
  });
});
