import { X509Certificate } from 'node:crypto';
import { errorBody } from '../../azure/rest-errors.ts';
import type { RestAnswer, RestIdentity } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import type { EntraApp } from '../entra/address.ts';
import { graphRefusal, listCommand } from '../entra/graph-errors.ts';
import { asDate, asRecord, findable, Graph, READS_LAG_MS, saysAbsent, unreadable, type Json } from '../entra/graph.ts';
import { thumbprintOf, type Holding } from './holding.ts';
import { proofOfPossession, type Signer } from './jwt.ts';

/** A certificate as the application has it. */
export interface KeyCredential {
  /** Lower case. */
  readonly keyId: string;
  readonly displayName: string;
  /** Of the certificate, upper case; empty where Graph gives neither the certificate nor its thumbprint. */
  readonly thumbprint: string;
  readonly startsOn: Date | undefined;
  readonly endsOn: Date | undefined;
}

export interface Application {
  readonly app: EntraApp;
  /** The object id, which the proofs name. */
  readonly id: string;
  /** The client id. */
  readonly appId: string;
  readonly credentials: readonly KeyCredential[];
  /** As Graph listed them: whoever writes the list writes all of them. */
  readonly listed: readonly Json[];
  readonly readOn: Date;
}

/**
 * The certificates of an application at Microsoft Graph: learn.microsoft.com/graph/api/application-addkey, -removekey, -update.
 *
 *   way                │ when                                  │ others' entries
 *   ───────────────────┼───────────────────────────────────────┼────────────────────────────────────────────────────
 *   addKey, removeKey  │ a valid certificate of it can sign    │ not touched
 *   PATCH              │ none can, or Graph takes no proof     │ written back as they were read, and counted afterwards
 *
 * PATCH replaces the whole list, and Graph has no condition on it: what somebody adds between our read and our write is lost
 * without a trace, which is why it comes second. Not verified [U]: that Graph takes a proof from a caller that is not the
 * application itself (a 401 about the proof leads to PATCH), that addKey keeps the name (without it a crash's credential is
 * known by its certificate alone), and that entries may be written back with their key ids and without their certificates, as
 * microsoftgraph/microsoft-graph-docs#3579 tells of. Azure/azure-powershell#6784 has "Update to existing credential with KeyId
 * is not allowed" for entries that were sent again: where that is the answer, it is named, and nothing is lost or changed.
 */
export class KeyCredentials {
  readonly #graph: Graph;
  readonly #now: () => Date;

  /** @param now dates the proofs */
  constructor(origin: URL, identity: RestIdentity, now: () => Date) {
    this.#graph = new Graph(origin, identity, 'certificate');
    this.#now = now;
  }

  get host(): string {
    return this.#graph.host;
  }

  /** @throws as `Graph.read` does */
  async application(app: EntraApp, call: Call): Promise<Application> {
    const { body, readOn } = await this.#graph.read(app, 'id,appId,keyCredentials', call);
    const listed = (body['keyCredentials'] as unknown[]).map(asRecord);
    const [id, appId] = [String(body['id']).toLowerCase(), String(body['appId']).toLowerCase()];
    return { app, id, appId, listed, credentials: listed.map(asCredential), readOn };
  }

  /**
   * Registers the public part of a certificate.
   * @returns its key id
   * @throws with effect `unknown` when the answer was lost, or Graph does not list it yet: it may exist
   */
  async add(to: Application, holding: Holding, name: string, signer: Signer | undefined, call: Call): Promise<string> {
    const key = holding.certificate.raw.toString('base64');
    const entry = { type: 'AsymmetricX509Cert', usage: 'Verify', key, displayName: name };
    if (signer === undefined || !(await this.#addKey(to, entry, signer, call).catch(findable))) {
      await this.#replace(to, [...to.listed.map(asItIs), entry], call).catch(findable);
    }
    const { credentials } = await this.application(to.app, call).catch(unknown);
    const before = new Set(to.credentials.map((one) => one.keyId));
    const made = credentials.find((one) => one.thumbprint === holding.thumbprint && !before.has(one.keyId));
    if (made !== undefined) return made.keyId;
    return findable(unreadable({ ...this.#graph.asked('GET', to.app, '', false), mutates: true }));
  }

  /** Absent is success, and so is an application that is gone. */
  async remove(from: Application, keyId: string, signer: Signer | undefined, call: Call): Promise<void> {
    if (signer !== undefined && (await this.#removeKey(from, keyId, signer, call))) return;
    const rest = from.listed.filter((one) => asCredential(one).keyId !== keyId);
    await this.#replace(from, rest.map(asItIs), call);
  }

  /** @returns false when Graph does not take the proof, and nothing was changed */
  async #addKey({ app, id }: Application, keyCredential: Json, signer: Signer, call: Call): Promise<boolean> {
    const asked = this.#graph.asked('POST', app, '/addKey', true);
    const proof = proofOfPossession(signer, id, this.#now());
    const answer = await this.#graph.send({ ...asked, json: { keyCredential, passwordCredential: null, proof } }, call);
    if (answer.status === 200) return true;
    if (refusesProof(answer)) return false;
    throw graphRefusal(answer, asked, call.now());
  }

  async #removeKey({ app, id }: Application, keyId: string, signer: Signer, call: Call): Promise<boolean> {
    const asked = this.#graph.asked('POST', app, '/removeKey', true);
    const proof = proofOfPossession(signer, id, this.#now());
    const answer = await this.#graph.send({ ...asked, json: { keyId, proof } }, call);
    if (answer.status === 204 || saysAbsent(answer)) return true;
    if (refusesProof(answer)) return false;
    const refusal = graphRefusal(answer, asked, call.now());
    if (answer.status !== 400) throw refusal;
    // That there is no such key is also said of one that was added seconds ago, as of passwords: so it is looked up.
    const { credentials } = await this.application(app, call);
    if (!credentials.some((one) => one.keyId === keyId)) return true;
    if (!/no .*credential found/i.test(refusal.message)) throw refusal;
    const message = `${refusal.message}, and it is listed: the directory has not settled yet`;
    throw new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, retryAfterMs: READS_LAG_MS });
  }

  /** Writes the whole list. @throws HUMAN_REQUIRED when entries of others are gone afterwards */
  async #replace(from: Application, keyCredentials: readonly Json[], call: Call): Promise<void> {
    const asked = this.#graph.asked('PATCH', from.app, '', true);
    const answer = await this.#graph.send({ ...asked, json: { keyCredentials } }, call);
    if (answer.status !== 204) throw graphRefusal(answer, asked, call.now());
    const kept = keyCredentials.map((one) => asCredential(one).keyId).filter((keyId) => keyId !== '');
    const now = await this.application(from.app, call).catch(unknown);
    const lost = kept.filter((keyId) => !now.credentials.some((one) => one.keyId === keyId));
    if (lost.length === 0) return;
    throw new RotationError({
      code: 'HUMAN_REQUIRED',
      recovery: 'human',
      effect: 'unknown',
      message: `${asked.what}: the application does not list the certificates ${lost.join(', ')} any more, which it had before; Keyturn has written them back`,
      remedy: `Whoever changed the certificates at the same time took them away, or the directory has not settled: look again (${listCommand(asked)}), and register them anew if they are needed.`,
    });
  }
}

/** An entry that is to stay is known by its key id; its certificate is not sent again, as in a list without `$select`. */
function asItIs(entry: Json): Json {
  return { ...entry, key: null };
}

/** The token had just been taken for reading: what is missing or malformed is the proof (microsoft-graph-docs#22076). */
function refusesProof({ status, text }: RestAnswer): boolean {
  return status === 401 && errorBody(text).code === 'Authentication_MissingOrMalformed';
}

/** Something was changed before this could not be read. */
function unknown(error: unknown): never {
  if (!(error instanceof RotationError)) throw error;
  const { code, recovery, message, remedy, retryAfterMs } = error;
  throw new RotationError({
    ...{ code, recovery, message, effect: 'unknown' },
    ...(remedy === undefined ? {} : { remedy }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function asCredential(raw: Json): KeyCredential {
  const { keyId, displayName, key, customKeyIdentifier } = raw;
  return {
    keyId: typeof keyId === 'string' ? keyId.toLowerCase() : '',
    displayName: typeof displayName === 'string' ? displayName : '',
    thumbprint: (typeof key === 'string' ? thumbprintIn(key) : undefined) ?? identifierOf(customKeyIdentifier),
    startsOn: asDate(raw['startDateTime']),
    endsOn: asDate(raw['endDateTime']),
  };
}

/** @returns undefined for a key that is no certificate */
function thumbprintIn(key: string): string | undefined {
  try {
    return thumbprintOf(new X509Certificate(Buffer.from(key, 'base64')));
  } catch (error) {
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    return undefined;
  }
}

/** The thumbprint, where nobody chose another identifier; seen in hexadecimal and as base64 of its twenty bytes. */
function identifierOf(identifier: unknown): string {
  if (typeof identifier !== 'string') return '';
  if (/^[0-9a-f]{40}$/i.test(identifier)) return identifier.toUpperCase();
  const bytes = Buffer.from(identifier, 'base64');
  return bytes.length === 20 ? bytes.toString('hex').toUpperCase() : '';
}
