import { randomBytes, X509Certificate } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { sign } from '../consumers/authority.ts';
import { hostsOf } from '../consumers/consumers.ts';
import { PLAIN, SELF_SIGNED, SIGNED } from '../consumers/holder.ts';
import type { Host } from '../host/host.ts';
import type { Sandbox } from '../sandbox.ts';
import { READER } from './objects.ts';

/** Real time. */
const LOOK_MS = 150;
const STUCK_MS = 60_000;
const LIFE_MS = 90 * 86_400_000;

interface ShownRun {
  readonly rotationId: string;
  readonly state: string;
  readonly wakeAt?: string;
  readonly asked?: { readonly trigger: string };
  readonly blocked?: { readonly code: string };
  readonly whatToDo: string;
}

/**
 * All three get a new version. The app has been told that both certificates come near their end: the vault makes the one by itself, and
 * for the other the demo does what a person does: fetches the request, has the authority sign it, and hands the answer in.
 */
export async function renew(sandbox: Sandbox, host: Host, say: (line: string) => void): Promise<void> {
  const waiting = await signatureAwaited(host);
  const { csr } = (await ask(host, 'GET', `/api/rotations/${waiting}/csr`)) as { readonly csr: string };
  say(`${SIGNED}: rotation ${waiting} waits for the answer to its signing request; the authority signs it.`);
  const request = Buffer.from(csr.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  const chain = await sign(sandbox, request, hostsOf(SIGNED), LIFE_MS);
  const certificate = chain.map((der) => new X509Certificate(der).toString()).join('');
  await ask(host, 'PUT', `/api/rotations/${waiting}/certificate`, { certificate });
  say(`${SIGNED} has a new version.`);
  await until(host, `${SELF_SIGNED} is renewed`, () =>
    Promise.resolve(sandbox.vault.peek('kv', SELF_SIGNED).length > 1 ? true : undefined),
  );
  say(`${SELF_SIGNED} has a new version, signed by itself.`);
  const secrets = new SecretClient(sandbox.vault.url('kv'), new DefaultAzureCredential(), {
    userAgentOptions: { userAgentPrefix: READER },
  });
  await secrets.setSecret(PLAIN, `second-${randomBytes(12).toString('hex')}`);
  say(`${PLAIN} has a new value.`);
}

/** Whether the runs that the vault's event has begun are over, as the ledger says. The clock moves on to when they look next. */
export async function runsEnd(sandbox: Sandbox, host: Host): Promise<boolean> {
  const end = performance.now() + STUCK_MS;
  while (performance.now() < end) {
    const runs = [...(await runsOf(host, SELF_SIGNED)), ...(await runsOf(host, SIGNED))];
    if (runs.length === 2 && runs.every(({ state }) => state === 'done')) return true;
    if (runs.length !== 2 || runs.some(({ state }) => state === 'blocked')) return false;
    moveOn(sandbox, runs);
    await pause(LOOK_MS);
  }
  return false;
}

/** Only when nobody is at work: a jump ends the time of the calls that are under way. */
function moveOn({ ctx: { clock } }: Sandbox, runs: readonly ShownRun[]): void {
  const open = runs.filter(({ state }) => state !== 'done');
  const now = clock.now().getTime();
  const wakes = open.map(({ state, wakeAt }) => (state === 'waiting' ? Date.parse(wakeAt ?? '') || 0 : 0));
  if (wakes.every((at) => at > now)) clock.advance(Math.min(...wakes) - now + 1_000);
}

function signatureAwaited(host: Host): Promise<string> {
  return until(host, `the run of ${SIGNED} waits for a signature`, async () => {
    const [run] = await runsOf(host, SIGNED);
    return run?.blocked?.code === 'VALUE_AWAITED' ? run.rotationId : undefined;
  });
}

async function runsOf(host: Host, name: string): Promise<readonly ShownRun[]> {
  const { rotations } = (await ask(host, 'GET', `/api/rotations?vault=kv&name=${name}`)) as {
    readonly rotations: readonly ShownRun[];
  };
  return rotations.filter(({ asked }) => asked?.trigger === 'near-expiry');
}

async function until<T>(host: Host, what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + STUCK_MS;
  while (performance.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(LOOK_MS);
  }
  const runs = JSON.stringify(await ask(host, 'GET', '/api/rotations?vault=kv'));
  throw new Error(`not so within ${STUCK_MS / 1000} s: ${what}; the ledger: ${runs}`);
}

async function ask(host: Host, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(host.url(path), {
    method,
    headers: { 'x-functions-key': host.keys.default, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
