import { X509Certificate } from 'node:crypto';
import type { Engine } from '../rotation/engine.ts';
import type { Problem } from '../rotation/errors.ts';
import { SecretValue, type ObjectRef, type RunFilter } from '../rotation/ports.ts';
import { RUN_STATES, type RunState } from '../rotation/record.ts';
import type { StartRequest } from '../rotation/runbook.ts';
import {
  asFields,
  badRequest,
  readConsumedKind,
  readFlag,
  readKind,
  readObject,
  unknownKeys,
  vaultOf,
} from './fields.ts';

/* What each request asks for, checked: every problem at once, as one REQUEST_INVALID. */

const MOST_IDS = 100;

export function readStart(engine: Engine, body: unknown, caller: string): StartRequest & { readonly dryRun: boolean } {
  const problems: Problem[] = [];
  const fields = asFields(body, ['vault', 'name', 'kind', 'reason', 'force', 'dryRun'], problems);
  const object = { ...readObject(engine, fields, problems), kind: readKind(fields, problems) };
  const reason = fields['reason'] ?? 'manual';
  if (reason !== 'manual' && reason !== 'compromised') {
    problems.push({ path: 'reason', message: 'is "manual" (the default) or "compromised"' });
  }
  const force = readFlag(fields, 'force', problems);
  const dryRun = readFlag(fields, 'dryRun', problems);
  if (problems.length > 0) throw badRequest(problems);
  return { object, reason: reason === 'compromised' ? 'compromised' : 'manual', force, dryRun, requestedBy: caller };
}

export function readValue(body: unknown): SecretValue {
  const problems: Problem[] = [];
  const { value } = asFields(body, ['value'], problems);
  if (typeof value !== 'string' || value === '') problems.push({ path: 'value', message: 'is the new value, a text' });
  if (problems.length > 0 || typeof value !== 'string') throw badRequest(problems);
  return new SecretValue(value);
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g;

/** Every one is compared with every other. */
const MOST_CERTIFICATES = 20;

/** A signed certificate and its issuers, from PEM. Whatever else is in the text is refused, and not repeated. */
export function readSigned(body: unknown): { readonly chain: readonly Uint8Array[]; readonly force: boolean } {
  const problems: Problem[] = [];
  const fields = asFields(body, ['certificate', 'force'], problems);
  const { certificate } = fields;
  const force = readFlag(fields, 'force', problems);
  const blocks = typeof certificate === 'string' ? [...certificate.matchAll(PEM)] : [];
  // Also one that the pattern does not take: a key with its own password has headers.
  const key =
    typeof certificate === 'string' ? /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----/.exec(certificate)?.[1] : undefined;
  const foreign = key ?? blocks.find(([, label]) => label !== 'CERTIFICATE')?.[1];
  if (foreign !== undefined) {
    problems.push({
      path: 'certificate',
      message: `holds a ${foreign}; only the certificate and its issuers are wanted`,
    });
  } else if (blocks.length > MOST_CERTIFICATES) {
    problems.push({
      path: 'certificate',
      message: `holds ${blocks.length} certificates; a chain has ${MOST_CERTIFICATES} at most`,
    });
  } else if (blocks.length === 0) {
    problems.push({ path: 'certificate', message: 'is the PEM of the signed certificate, followed by its issuers' });
  }
  const chain = problems.length === 0 ? blocks.map(([, , text = '']) => derOf(text, problems)) : [];
  if (problems.length > 0) throw badRequest(problems);
  return { chain, force };
}

function derOf(text: string, problems: Problem[]): Uint8Array {
  const der = Buffer.from(text, 'base64');
  try {
    return new X509Certificate(der).raw;
  } catch (error) {
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    problems.push({ path: 'certificate', message: 'holds something that is no X.509 certificate' });
    return der;
  }
}

export function readBootstrap(engine: Engine, body: unknown): { readonly object: ObjectRef; readonly dryRun: boolean } {
  const problems: Problem[] = [];
  const fields = asFields(body, ['vault', 'name', 'dryRun'], problems);
  const object = readObject(engine, fields, problems);
  const dryRun = readFlag(fields, 'dryRun', problems);
  if (problems.length > 0) throw badRequest(problems);
  return { object, dryRun };
}

export interface PushRequest {
  readonly object: ObjectRef;
  readonly dryRun: boolean;
  /** Instead of a push: whom a person vouches for. */
  readonly accept?: readonly string[];
}

/** The object that a push is asked for, or whose consumers somebody vouches for. */
export function readPush(engine: Engine, body: unknown): PushRequest {
  const problems: Problem[] = [];
  const fields = asFields(body, ['vault', 'name', 'kind', 'dryRun', 'accept'], problems);
  const object = { ...readObject(engine, fields, problems), kind: readConsumedKind(fields['kind'], problems) };
  const dryRun = readFlag(fields, 'dryRun', problems);
  const accept = fields['accept'] === undefined ? undefined : readIds(fields['accept'], problems);
  if (accept !== undefined && dryRun) {
    problems.push({ path: 'dryRun', message: 'does not go with accept, which pushes nothing' });
  }
  if (problems.length > 0) throw badRequest(problems);
  return { object, dryRun, ...(accept === undefined ? {} : { accept }) };
}

function readIds(given: unknown, problems: Problem[]): readonly string[] {
  const isList = Array.isArray(given) && given.length > 0 && given.length <= MOST_IDS;
  if (isList && given.every((id): id is string => typeof id === 'string' && id !== '')) return given;
  problems.push({
    path: 'accept',
    message: `is a list of 1 to ${MOST_IDS} ids of consumers, as GET /api/consumers shows them`,
  });
  return [];
}

/** The object whose consumers are asked about. */
export function readConsumed(engine: Engine, query: Readonly<Record<string, string>>): ObjectRef {
  const problems = unknownKeys(query, ['vault', 'name']);
  const object = readObject(engine, query, problems);
  if (problems.length > 0) throw badRequest(problems);
  return object;
}

export function readFilter(engine: Engine, query: Readonly<Record<string, string>>): RunFilter {
  const problems = unknownKeys(query, ['vault', 'name', 'state', 'limit']);
  const { state, name } = query;
  const known = RUN_STATES.find((one) => one === state);
  if (state !== undefined && known === undefined) {
    problems.push({ path: 'state', message: `is one of ${RUN_STATES.join(', ')}` });
  }
  const limit = Number(query['limit'] ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    problems.push({ path: 'limit', message: 'is a whole number from 1 to 1000' });
  }
  const vault = query['vault'] === undefined ? undefined : vaultOf(engine, query['vault'], problems);
  if (problems.length > 0) throw badRequest(problems);
  return {
    limit,
    ...(vault === undefined ? {} : { vault }),
    ...(name === undefined ? {} : { name: name.toLowerCase() }),
    ...(known === undefined ? {} : { state: known satisfies RunState }),
  };
}

/** The served vaults that are asked about; all of them when none is named. */
export function readVaults(engine: Engine, query: Readonly<Record<string, string>>): readonly string[] {
  const problems = unknownKeys(query, ['vault']);
  const vaults =
    query['vault'] === undefined ? engine.configuration.vaults : [vaultOf(engine, query['vault'], problems)];
  if (problems.length > 0) throw badRequest(problems);
  return vaults;
}
