import { beforeAll, describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { issue, type Issued } from '../support/certificates.ts';
import { days } from '../support/memory/bench.ts';
import { CERTIFICATE_TAGS, CertificateBench, NAMES } from '../support/memory/certificate-bench.ts';
import { ders } from '../support/memory/certificates.ts';
import { HOUR } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const LATER = { from: days(0), until: days(90) };
const LOCKED = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----`;

describe('a certificate that somebody outside the vault signs', () => {
  let root: Issued;
  let between: Issued;
  beforeAll(async () => {
    root = await issue({ names: ['Root'], isAuthority: true });
    between = await issue({ names: ['Between'], isAuthority: true, issuer: root });
  });
  const pem = ({ chainPem }: Issued): string => chainPem;

  async function asked(): Promise<{ bench: CertificateBench; id: string }> {
    const bench = await CertificateBench.open({ issuer: between });
    // The seeded one has its issuer beside it.
    bench.certificates.policyNow = { ...bench.certificates.policyNow, issuer: 'Unknown' };
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked' });
    return { bench, id: bench.certificateRun.rotationId };
  }
  const signed = (names: readonly string[] = NAMES): Promise<Issued> => issue({ names, issuer: between, valid: LATER });

  it('waits for a person, says how, and goes on with what that one brings', async () => {
    const { bench, id } = await asked();
    const runbook = createRunbook(bench.engine);
    expect(bench.certificateRun.blocked).toMatchObject({
      code: 'VALUE_AWAITED',
      remedy: containing(`/api/rotations/${id}/csr`),
    });
    expect(await runbook.signingRequest(id)).toMatchObject({
      status: 200,
      body: { csr: containing('-----BEGIN CERTIFICATE REQUEST-----') },
    });
    const taken = await runbook.takeSigned(id, { certificate: pem(await signed()) }, 'me');
    expect(taken).toMatchObject({ status: 202, body: { version: bench.newest.version } });
    await bench.live(HOUR);
    expect(bench.certificateRun).toMatchObject({ state: 'done', to: { version: bench.newest.version } });
    expect(bench.newest.tags).toEqual(CERTIFICATE_TAGS);
    expect(await runbook.takeSigned(id, { certificate: pem(await signed()) }, 'me')).toMatchObject({ status: 409 });
  });

  it('may be sent root first; what belongs to nobody is left out', async () => {
    const { bench, id } = await asked();
    const leaf = await signed();
    const stranger = await issue({ names: ['Stranger'], isAuthority: true });
    const certificate = [root, between, stranger].map(({ certPem }) => certPem).join('') + leaf.certPem;
    expect(await createRunbook(bench.engine).takeSigned(id, { certificate }, 'me')).toMatchObject({ status: 202 });
    expect(bench.newest.chain).toEqual([leaf, between, root].flatMap((one) => ders({ chainPem: one.certPem })));
  });

  it.each([
    ['another name', async () => pem(await signed(['www.example'])), 'certificate.names'],
    ['no issuer', async () => (await signed()).certPem, 'certificate.chain'],
    ['itself as issuer', async () => pem(await issue({ names: NAMES, valid: LATER })), 'certificate.issuer'],
  ])('is not taken with %s, and the vault goes on waiting', async (_, certificate, path) => {
    const { bench, id } = await asked();
    const runbook = createRunbook(bench.engine);
    const answer = await runbook.takeSigned(id, { certificate: await certificate() }, 'me');
    expect(answer).toMatchObject({ status: 422, body: { problems: [{ path }] } });
    expect(bench.made).toBe(0);
    expect(await runbook.takeSigned(id, { certificate: pem(await signed()) }, 'me')).toMatchObject({ status: 202 });
  });

  it.each([
    ['a key', async () => `${(await signed()).certPem}${root.keyPem}`, 'PRIVATE KEY'],
    ['a locked key', async () => `${(await signed()).certPem}${LOCKED}`, 'RSA PRIVATE KEY'],
    ['text', async () => 'hello', 'is the PEM'],
    ['too many', async () => (await signed()).certPem.repeat(21), '20 at most'],
    ['no certificate', async () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'no X.509'],
  ])('is refused with %s in it, which is not repeated', async (_, certificate, message) => {
    const { bench, id } = await asked();
    const text = await certificate();
    const answer = await createRunbook(bench.engine).takeSigned(id, { certificate: text }, 'me');
    expect(answer).toMatchObject({ status: 400, body: { detail: containing(message) } });
    expect(JSON.stringify(answer)).not.toContain(text.split('\n')[1] ?? text);
  });

  it('that nothing waits for is a conflict', async () => {
    const bench = await CertificateBench.open();
    await bench.deliver(bench.about());
    const id = bench.certificateRun.rotationId;
    expect(await createRunbook(bench.engine).signingRequest(id)).toMatchObject({ status: 409 });
  });
});
