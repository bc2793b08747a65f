/** The proofs on the services themselves: each way of answering, past the rotator. */
import { once } from 'node:events';
import { createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RotationError } from '../../src/rotation/errors.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { DataPlane, Question } from '../../src/rotators/arm-key/row.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { ARM_KEY_ROWS } from '../../src/rotators/arm-key/rows.ts';
import { rowOf } from '../contract/arm-key.harness.ts';
import { harnessOf } from '../contract/arm-key.places.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';

const WRONG = Buffer.from('not the key').toString('base64');
/** A kind of each data plane, and how the sandbox's traffic and faults know it. */
const PLANES = [
  { kind: 'cosmos-db', system: 'cosmos' },
  { kind: 'redis', system: 'redis' },
  { kind: 'service-bus', system: 'messaging' },
  { kind: 'event-hubs', system: 'messaging' },
  { kind: 'relay', system: 'messaging' },
  { kind: 'notification-hubs', system: 'messaging' },
  { kind: 'ai-search', system: 'search' },
  { kind: 'app-configuration', system: 'app-configuration' },
  { kind: 'container-registry', system: 'registry' },
] as const;

let cloud: StorageCloud;
beforeAll(async () => {
  cloud = await startStorageCloud();
});
afterAll(() => cloud.stop());
afterEach(() => cloud.ctx.faults.clear());

/** The data plane of a kind, and a question about the right key of a new resource. */
async function ask(
  kind: string,
): Promise<{ readonly plane: DataPlane; readonly question: Question; readonly id: string }> {
  const { proof } = rowOf(kind);
  if (proof === 'read back') throw new Error(`${kind} is not tried on the service`);
  const harness = harnessOf(kind, () => cloud);
  await harness.start();
  const { input, current } = await harness.fresh();
  const { config, hosts } = armKeyRotator(harness.row, cloud.deps).parseTarget(input);
  const call = { signal: new AbortController().signal, now: () => cloud.ctx.clock.now() };
  const items = [...(harness.resourceOf(input)?.keys ?? [])].map(([name, { id, value }]) => ({ name, id, value }));
  const listed = () => Promise.resolve({ value: items });
  return {
    plane: proof,
    question: { config, host: hosts[1] ?? '', issued: current, listed, call },
    id: input.providerAddress,
  };
}

async function failure(attempt: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await attempt.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RotationError)) throw error;
  expect(`${error.message}${error.remedy ?? ''}${JSON.stringify(error.cause ?? null)}`).not.toContain(WRONG);
  return error;
}

describe.each(PLANES)('$kind on the service itself', ({ kind, system }) => {
  it('proves the right key with one request', async () => {
    const { plane, question } = await ask(kind);
    cloud.ctx.traffic.clear();
    expect(await plane.prove(question)).toBe('proved');
    expect(cloud.ctx.traffic.entries.map((entry) => entry.system)).toEqual([system]);
  });

  it('rejects a wrong key, with a question that may be asked again', async () => {
    const { plane, question } = await ask(kind);
    const issued = { ...question.issued, value: new SecretValue(WRONG) };
    const error = await failure(plane.prove({ ...question, issued }));
    expect(error).toMatchObject({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', effect: 'none' });
    expect(error.message).toContain(question.issued.slot);
  });

  it('tells what could not be asked from what was refused', async () => {
    const { plane, question } = await ask(kind);
    if (kind !== 'redis') {
      for (const [status, headers, code] of [
        [429, { 'retry-after': '9' }, 'THROTTLED'],
        [503, {}, 'UNAVAILABLE'],
        [504, {}, 'TIMED_OUT'],
      ] as const) {
        const id = cloud.ctx.faults.add({ system, match: '.', action: { status, headers } });
        expect(await failure(plane.prove(question))).toMatchObject({ code, recovery: 'retry', effect: 'none' });
        cloud.ctx.faults.remove(id);
      }
    }
    const unreachable = { ...question, host: 'nobody.sandbox.test:1' };
    const gone = await failure(plane.prove(unreachable));
    expect(gone).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry' });
    expect(gone.remedy).toContain('nslookup nobody.sandbox.test');
    const call = { ...question.call, signal: AbortSignal.abort() };
    expect((await failure(plane.prove({ ...question, call }))).code).toBe('TIMED_OUT');
  });
});

describe('a service that takes no keys, or no such network', () => {
  it.each([
    [
      'cosmos-db',
      'cosmos',
      401,
      { code: 'Unauthorized', message: 'Local Authorization is disabled. Use an AAD token.' },
      'disableLocalAuth=false',
    ],
    [
      'app-configuration',
      'app-configuration',
      403,
      { detail: 'Local authentication is disabled.' },
      '--disable-local-auth false',
    ],
    ['ai-search', 'search', 403, { error: { message: 'API keys are disabled.' } }, '--disable-local-auth false'],
    ['cosmos-db', 'cosmos', 403, { code: 'Forbidden', message: 'blocked by firewall' }, 'network'],
    ['ai-search', 'search', 403, { error: { message: 'Your IP address is not allowed by the firewall.' } }, 'network'],
    ['container-registry', 'registry', 403, { errors: [{ code: 'DENIED' }] }, 'network'],
    ['service-bus', 'messaging', 403, 'Ip has been prevented to connect to the endpoint.', 'network'],
  ] as const)(
    '%s: a %s answer %i %j is ACCESS_DENIED, and says what to do',
    async (kind, system, status, body, says) => {
      const { plane, question } = await ask(kind);
      cloud.ctx.faults.add({ system, match: '.', action: { status, body } });
      const error = await failure(plane.prove(question));
      expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
      expect(error.remedy).toContain(says);
    },
  );
});

it('is the list of all of them', () => {
  const tried = ARM_KEY_ROWS.filter(({ kind, proof }) => proof !== 'read back' && kind !== 'storage-account');
  expect(PLANES.map(({ kind }) => kind).sort()).toEqual(tried.map(({ kind }) => kind).sort());
});

describe('Redis', () => {
  it.each([
    ['-ERR invalid password', 'CREDENTIAL_REJECTED'],
    ['-NOAUTH Authentication required.', 'CREDENTIAL_REJECTED'],
    ['-ERR Client sent AUTH, but no password is set; called without any password configured', 'ACCESS_DENIED'],
    ['-LOADING Redis is loading the dataset in memory', 'UNAVAILABLE'],
    ['HTTP/1.1 400 Bad Request', 'UNAVAILABLE'],
  ])('that answers %j gives %s', async (line, code) => {
    const { keyPem: key, certPem: cert } = await cloud.ctx.pki.issue(['old.sandbox.test']);
    const server = createServer({ key, cert }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(`${line}\r\n`));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { plane, question } = await ask('redis');
      const host = `old.sandbox.test:${(server.address() as AddressInfo).port}`;
      expect((await failure(plane.prove({ ...question, host }))).code).toBe(code);
    } finally {
      server.close();
    }
  });
});

describe('a key that is sent as it is', () => {
  it.each(['redis', 'ai-search', 'container-registry'])(
    '%s: goes nowhere when ARM does not say that it is this resource’s',
    async (kind) => {
      const { question, id } = await ask(kind);
      const rotator = armKeyRotator(rowOf(kind), cloud.deps);
      const target = rotator.parseTarget({ providerAddress: id, credentialId: question.issued.slot });
      const foreign = { ...question.issued, value: new SecretValue(WRONG) };
      cloud.ctx.traffic.clear();
      expect((await failure(rotator.test(target, foreign, question.call))).code).toBe('CREDENTIAL_REJECTED');
      const mend = cloud.arm.deny('*', id);
      expect((await failure(rotator.test(target, question.issued, question.call))).code).toBe('ACCESS_DENIED');
      mend();
      const asked = new Set(cloud.ctx.traffic.entries.map((entry) => entry.system));
      asked.delete('identity');
      expect([...asked]).toEqual(['arm']);
    },
  );
});
