import { answering, type Answer } from './http/answer.ts';
import { adoptionBody, consumersBody } from './http/consumers.ts';
import {
  readBootstrap,
  readConsumed,
  readFilter,
  readPush,
  readSigned,
  readStart,
  readValue,
  readVaults,
} from './http/requests.ts';
import { whatToDo } from './http/what-to-do.ts';
import { accept } from './rotation/adoption/accept.ts';
import { consumersOf, consumersOfRun, findConsumers, pushAgain } from './rotation/adoption/runbook.ts';
import { cancel } from './rotation/cancel.ts';
import { signingRequest, takeSigned } from './rotation/certificates/request.ts';
import { dryRunCertificate, startCertificate } from './rotation/certificates/runbook.ts';
import { dryRun as plan } from './rotation/dry-run.ts';
import type { Engine } from './rotation/engine.ts';
import { inventory } from './rotation/inventory.ts';
import { dryRunKey, startKey } from './rotation/keys/runbook.ts';
import * as runbook from './rotation/runbook.ts';
import { supply } from './rotation/supply.ts';

/** The HTTP runbook: what was asked, checked; one call of the engine; the answer. Never throws for what a caller did. */
export interface RunbookApi {
  start(body: unknown, caller: string): Promise<Answer>;
  read(id: string): Promise<Answer>;
  list(query: Readonly<Record<string, string>>): Promise<Answer>;
  cancel(id: string, caller: string): Promise<Answer>;
  /** The body holds a secret value: nothing of it gets into an answer or a log. */
  supply(id: string, body: unknown, caller: string): Promise<Answer>;
  /** What an issuer outside the vault is to sign, in PEM. */
  signingRequest(id: string): Promise<Answer>;
  /** The answer to it. */
  takeSigned(id: string, body: unknown, caller: string): Promise<Answer>;
  bootstrap(body: unknown, caller: string): Promise<Answer>;
  inventory(query: Readonly<Record<string, string>>): Promise<Answer>;
  consumers(query: Readonly<Record<string, string>>): Promise<Answer>;
  push(body: unknown, caller: string): Promise<Answer>;
}

const STARTS = {
  secret: { plan, start: runbook.start },
  key: { plan: dryRunKey, start: startKey },
  certificate: { plan: dryRunCertificate, start: startCertificate },
} as const;

export function createRunbook(engine: Engine): RunbookApi {
  return {
    start: (body, caller) =>
      answering(async () => {
        const { dryRun, ...request } = readStart(engine, body, caller);
        const does = STARTS[request.object.kind];
        if (dryRun) return { status: 200, body: await does.plan(engine, request) };
        const started = await does.start(engine, request);
        const location = `/api/rotations/${started.rotationId}`;
        return { status: 202, headers: { location, 'retry-after': '5' }, body: { ...started, status: location } };
      }),
    read: (id) =>
      answering(async () => {
        const { object, run } = await runbook.read(engine, id);
        const adoption = await consumersOfRun(engine, object, run);
        const consumers = adoption === undefined ? {} : { consumers: consumersBody(adoption) };
        return { status: 200, body: { object, ...run, whatToDo: whatToDo(run), ...consumers } };
      }),
    list: (query) =>
      answering(async () => {
        const found = await runbook.list(engine, readFilter(engine, query));
        return {
          status: 200,
          body: { rotations: found.map(({ object, run }) => ({ object, ...run, whatToDo: whatToDo(run) })) },
        };
      }),
    cancel: (id, caller) => answering(async () => ({ status: 200, body: await cancel(engine, id, caller) })),
    supply: (id, body, caller) =>
      answering(async () => {
        const run = await supply(engine, id, readValue(body), caller);
        return { status: 202, headers: { location: `/api/rotations/${run.rotationId}`, 'retry-after': '5' } };
      }),
    signingRequest: (id) =>
      answering(async () => {
        const csr = pem('CERTIFICATE REQUEST', await signingRequest(engine, id));
        return { status: 200, body: { csr, whatToDo: `Have it signed, and PUT /api/rotations/${id}/certificate.` } };
      }),
    takeSigned: (id, body, by) =>
      answering(async () => {
        const { chain, force } = readSigned(body);
        const { version } = await takeSigned(engine, id, chain, { force, by });
        const location = `/api/rotations/${id}`;
        return { status: 202, headers: { location, 'retry-after': '5' }, body: { version, status: location } };
      }),
    bootstrap: (body) =>
      answering(async () => {
        const { object, dryRun } = readBootstrap(engine, body);
        return { status: 200, body: { dryRun, done: await runbook.bootstrap(engine, object, { dryRun }) } };
      }),
    inventory: (query) =>
      answering(async () => {
        return { status: 200, body: await inventory(engine, readVaults(engine, query)) };
      }),
    consumers: (query) =>
      answering(async () => {
        return { status: 200, body: adoptionBody(await consumersOf(engine, readConsumed(engine, query))) };
      }),
    push: (body, caller) =>
      answering(async () => {
        const { object, dryRun, accept: ids } = readPush(engine, body);
        if (ids !== undefined) return { status: 200, body: adoptionBody(await accept(engine, object, ids, caller)) };
        if (dryRun) return { status: 200, body: await findConsumers(engine, object) };
        const { version } = await pushAgain(engine, object);
        const { vault, name } = object;
        const location = `/api/consumers?${String(new URLSearchParams({ vault, name }))}`;
        return { status: 202, headers: { location, 'retry-after': '5' }, body: { version, status: location } };
      }),
  };
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
