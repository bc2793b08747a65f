import { errorBody, parseJson } from '../../azure/rest-errors.ts';
import type { RestIdentity } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import { SecretValue, type Call } from '../../rotation/ports.ts';
import type { EntraApp } from '../entra/address.ts';
import { graphRefusal, saysLifetime } from '../entra/graph-errors.ts';
import { asDate, asRecord, findable, Graph, READS_LAG_MS, saysAbsent, unreadable, type Json } from '../entra/graph.ts';

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

/** Client secrets at Microsoft Graph: learn.microsoft.com/graph/api/application-addpassword. */
export class GraphClient {
  readonly #graph: Graph;

  constructor(origin: URL, identity: RestIdentity) {
    this.#graph = new Graph(origin, identity, 'secret');
  }

  get host(): string {
    return this.#graph.host;
  }

  /** @throws as `Graph.read` does */
  async application(config: EntraApp, call: Call): Promise<Application> {
    const { body, readOn } = await this.#graph.read(config, 'appId,passwordCredentials', call);
    const credentials = (body['passwordCredentials'] as unknown[]).map((one) => asCredential(asRecord(one)));
    return { appId: String(body['appId']).toLowerCase(), credentials, readOn };
  }

  /**
   * Makes one more client secret.
   * @throws with effect `unknown` when the answer was lost: it may exist, with this name
   */
  async addPassword(config: EntraApp, wanted: NewPassword, call: Call): Promise<AddedPassword> {
    const { name, endDates, makeRoom } = wanted;
    const asked = { ...this.#graph.asked('POST', config, '/addPassword', true), makeRoom };
    const [endsOn, ...shorter] = endDates;
    const endDateTime = endsOn === undefined ? {} : { endDateTime: endsOn.toISOString() };
    const json = { passwordCredential: { displayName: name, ...endDateTime } };
    const answer = await this.#graph.send({ ...asked, json }, call).catch(findable);
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
  async removePassword(config: EntraApp, keyId: string, call: Call): Promise<void> {
    const asked = this.#graph.asked('POST', config, '/removePassword', true);
    const answer = await this.#graph.send({ ...asked, json: { keyId } }, call);
    if (answer.status === 204) return;
    if (saysAbsent(answer)) return;
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
}

function asCredential(raw: Json): PasswordCredential {
  const { keyId, displayName, hint } = raw;
  return {
    keyId: typeof keyId === 'string' ? keyId.toLowerCase() : '',
    displayName: typeof displayName === 'string' ? displayName : '',
    hint: typeof hint === 'string' && hint !== '' ? new SecretValue(hint) : undefined,
    startsOn: asDate(raw['startDateTime']),
    endsOn: asDate(raw['endDateTime']),
  };
}
