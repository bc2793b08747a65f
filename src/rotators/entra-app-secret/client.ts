import { errorBody, parseJson } from '../../azure/rest-errors.ts';
import { createRestClient, type RestClient, type RestIdentity, type RestRequest } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import { SecretValue, type Call } from '../../rotation/ports.ts';
import type { EntraAppConfig } from './config.ts';
import { graphRefusal, saysLifetime, type GraphCallFacts } from './graph-errors.ts';

/** A client secret as Graph lists it: without its text. */
export interface PasswordCredential {
  /** Lower case. */
  readonly keyId: string;
  readonly displayName: string;
  /** The first three characters of the text, where Graph knows them. Part of a secret: it is compared, and never shown. */
  readonly hint: SecretValue | undefined;
  readonly startsOn: Date | undefined;
  readonly endsOn: Date | undefined;
}

export interface Application {
  /** The client id. */
  readonly appId: string;
  readonly credentials: readonly PasswordCredential[];
  /** When Graph said so, by its own clock. */
  readonly readOn: Date;
}

export interface AddedPassword {
  readonly keyId: string;
  readonly text: SecretValue;
  readonly endsOn: Date | undefined;
}

export interface NewPassword {
  /** What the portal shows as its description. */
  readonly name: string;
  /** When it ends: tried in turn while the tenant's policy finds the lifetime too long. Empty: Graph's own, two years. */
  readonly endDates: readonly Date[];
  /** What to do when the application has as many as it may have. */
  readonly makeRoom: string;
}

/** How long Graph may go on listing what was before a change; the engine looks for what was left no sooner. */
const READS_LAG_MS = 60_000;

/** Microsoft Graph v1.0, as far as client secrets go: learn.microsoft.com/graph/api/application-addpassword. */
export class GraphClient {
  readonly host: string;
  readonly #origin: URL;
  readonly #rest: RestClient;

  constructor(origin: URL, identity: RestIdentity) {
    this.#origin = origin;
    this.host = origin.host;
    this.#rest = createRestClient(identity);
  }

  /** @throws TARGET_NOT_FOUND when there is no such application; ACCESS_DENIED with the commands that grant it */
  async application(config: EntraAppConfig, call: Call): Promise<Application> {
    const asked = this.#asked('GET', config, '?$select=appId,passwordCredentials', false);
    const answer = await this.#rest.send(asked, call);
    if (answer.status !== 200) throw graphRefusal(answer, asked, call.now());
    const body = asRecord(parseJson(answer.text));
    const { appId, passwordCredentials } = body;
    if (typeof appId !== 'string' || !Array.isArray(passwordCredentials)) throw unreadable(asked);
    const credentials = passwordCredentials.map((one: unknown) => asCredential(asRecord(one)));
    return { appId: appId.toLowerCase(), credentials, readOn: asDate(answer.header('date')) ?? call.now() };
  }

  /**
   * Makes one more client secret.
   * @throws with effect `unknown` when the answer was lost: it may exist, with this name
   */
  async addPassword(config: EntraAppConfig, wanted: NewPassword, call: Call): Promise<AddedPassword> {
    const { name, endDates, makeRoom } = wanted;
    const asked = { ...this.#asked('POST', config, '/addPassword', true), makeRoom };
    const [endsOn, ...shorter] = endDates;
    const endDateTime = endsOn === undefined ? {} : { endDateTime: endsOn.toISOString() };
    const json = { passwordCredential: { displayName: name, ...endDateTime } };
    const answer = await this.#rest.send({ ...asked, json }, call).catch(findable);
    if (answer.status !== 200) {
      if (saysLifetime(errorBody(answer.text).code) && shorter.length > 0) {
        return this.addPassword(config, { ...wanted, endDates: shorter }, call);
      }
      return findable(graphRefusal(answer, asked, call.now()));
    }
    const { keyId, secretText, endDateTime: ends } = asRecord(parseJson(answer.text));
    // It exists, and nobody knows its text: found by its name, as if the answer had been lost.
    if (typeof keyId !== 'string' || typeof secretText !== 'string' || secretText === '') {
      return findable(unreadable(asked));
    }
    return { keyId: keyId.toLowerCase(), text: new SecretValue(secretText), endsOn: asDate(ends) };
  }

  /** Absent is success, and so is an application that is gone. */
  async removePassword(config: EntraAppConfig, keyId: string, call: Call): Promise<void> {
    const asked = this.#asked('POST', config, '/removePassword', true);
    const answer = await this.#rest.send({ ...asked, json: { keyId } }, call);
    if (answer.status === 204) return;
    if (answer.status === 404 && errorBody(answer.text).code === 'Request_ResourceNotFound') return;
    const refusal = graphRefusal(answer, asked, call.now());
    if (answer.status !== 400) throw refusal;
    // "No password credential found with keyId" is also said of one that was added seconds ago: Graph's directory is
    // replicated. So it is looked up, whatever the words of the refusal were.
    const { credentials } = await this.application(config, call);
    if (!credentials.some((one) => one.keyId === keyId)) return;
    if (!/no password credential found/i.test(refusal.message)) throw refusal;
    throw new RotationError({
      code: 'UNAVAILABLE',
      recovery: 'retry',
      message: `${refusal.message}, and it is listed: the directory has not settled yet`,
      retryAfterMs: READS_LAG_MS,
    });
  }

  #asked(
    method: RestRequest['method'],
    config: EntraAppConfig,
    rest: string,
    mutates: boolean,
  ): RestRequest & GraphCallFacts {
    const what = `${method} ${config.path}${rest.replace(/\?.*/, '')}`;
    const url = new URL(`/v1.0${config.path}${rest}`, this.#origin);
    return { method, url, what, host: this.host, mutates, anyId: config.anyId };
  }
}

/**
 * Graph's reads lag behind its writes by seconds (no figure is documented [?]). Where it is unknown whether a secret was
 * made, the next attempt waits until a listing would show it, so that it finds what it has to remove.
 */
function findable(error: unknown): never {
  if (!(error instanceof RotationError) || error.effect !== 'unknown') throw error;
  const { code, recovery, effect, message, remedy } = error;
  const retryAfterMs = Math.max(error.retryAfterMs ?? 0, READS_LAG_MS);
  const init = { code, recovery, effect, message, retryAfterMs };
  throw new RotationError(remedy === undefined ? init : { ...init, remedy });
}

function unreadable({ what, mutates }: GraphCallFacts): RotationError {
  const message = `${what}: the answer is not the one that Graph documents`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', effect: mutates ? 'unknown' : 'none', message });
}

function asCredential(raw: Readonly<Record<string, unknown>>): PasswordCredential {
  const { keyId, displayName, hint } = raw;
  return {
    keyId: typeof keyId === 'string' ? keyId.toLowerCase() : '',
    displayName: typeof displayName === 'string' ? displayName : '',
    hint: typeof hint === 'string' && hint !== '' ? new SecretValue(hint) : undefined,
    startsOn: asDate(raw['startDateTime']),
    endsOn: asDate(raw['endDateTime']),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asDate(value: unknown): Date | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}
