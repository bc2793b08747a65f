import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ArmRequest } from '../../src/azure/arm/client.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';

/** Operations of ARM that are kept as text, and asked for once at a time. */
let cloud: ConsumerCloud;
let made = 0;
let mend: (() => void) | undefined;

beforeAll(async () => {
  cloud = await startConsumerCloud();
});
afterAll(() => cloud.stop());
afterEach(() => {
  mend?.();
  mend = undefined;
  cloud.ctx.faults.clear();
});

function regenerating(): ArmRequest {
  made += 1;
  const { id } = cloud.arm.createAccount(`account${made}`);
  return {
    ...{ method: 'POST', path: `${id}/regenerateKey`, query: { 'api-version': '2025-08-01' } },
    ...{
      action: 'Microsoft.Storage/storageAccounts/regenerateKey/action',
      scope: id,
      role: 'Storage Account Key Operator Service Role',
    },
    ...{ mutates: true, found: true, body: { keyName: 'key1' } },
  };
}

it.each(['location', 'status'] as const)('one named by %s is found again by its address', async (style) => {
  const request = regenerating();
  mend = cloud.arm.later(request.scope, style);
  const started = await cloud.client.start(request, cloud.call());
  if (!('operation' in started)) throw new Error('it was done at once');
  expect(started.operation).toContain(cloud.arm.origin);
  const state = () => cloud.client.stateOf(started.operation, request, cloud.call());
  expect(await state()).toEqual({ is: 'running' });
  expect(await state()).toEqual({ is: 'succeeded' });
});

it('what is done at once has no operation', async () => {
  expect(await cloud.client.start(regenerating(), cloud.call())).toMatchObject({
    body: { keys: expect.any(Array) as unknown },
  });
});

it('one that somebody else has canceled says so, and why', async () => {
  const request = regenerating();
  mend = cloud.arm.later(request.scope, 'status');
  const started = await cloud.client.start(request, cloud.call());
  cloud.arm.supersede(request.scope);
  const operation = 'operation' in started ? started.operation : '';
  const state = () => cloud.client.stateOf(operation, request, cloud.call());
  await state();
  expect(await state()).toMatchObject({ is: 'canceled', code: 'CanceledAndSupersededDueToAnotherOperation' });
});

it('one that ARM does not know any more is forgotten; being refused the answer is an error without effect', async () => {
  const request = regenerating();
  const operation = `${cloud.arm.origin}/providers/Microsoft.Storage/operations/unknown?api-version=2024-11-01`;
  expect(await cloud.client.stateOf(operation, request, cloud.call())).toEqual({ is: 'forgotten' });
  cloud.ctx.faults.add({ system: 'arm', match: '^GET', times: 1, action: { status: 503 } });
  const error: unknown = await cloud.client
    .stateOf(operation, request, cloud.call())
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'UNAVAILABLE', recovery: 'retry', effect: 'none' });
});

it.each(['https://evil.example/operations/1', 'deploying', ''])('no token goes to %j', async (operation) => {
  cloud.ctx.traffic.clear();
  const error: unknown = await cloud.client
    .stateOf(operation, regenerating(), cloud.call())
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RotationError);
  expect(error).toMatchObject({ code: 'JOURNAL_INVALID', recovery: 'human', effect: 'none' });
  expect(cloud.ctx.traffic.entries).toEqual([]);
});

it('a subscription that cannot be seen is no word about the resources in it', async () => {
  const request = regenerating();
  const path = request.path.replace(cloud.arm.subscriptionId, '00000000-0000-0000-0000-0000000000ff');
  const error: unknown = await cloud.client
    .start({ ...request, path }, cloud.call())
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ACCESS_DENIED', recovery: 'reconfigure', effect: 'none' });
});
