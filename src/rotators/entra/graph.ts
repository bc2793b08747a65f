import { errorBody, parseJson } from '../../azure/rest-errors.ts';
import {
  createRestClient,
  type RestAnswer,
  type RestClient,
  type RestIdentity,
  type RestRequest,
} from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, LiveCredential } from '../../rotation/ports.ts';
import type { EntraApp } from './address.ts';
import { graphRefusal, type CredentialKind, type GraphCallFacts } from './graph-errors.ts';

export type GraphRequest = RestRequest & GraphCallFacts;

/** How long Graph may go on listing what was before a change; the engine looks for what was left no sooner. */
export const READS_LAG_MS = 60_000;
/** What the name of each credential begins with; the rotation's id follows. People read it in the portal. */
export const LABEL = 'keyturn';

export type Json = Readonly<Record<string, unknown>>;

/** Microsoft Graph v1.0, as far as the credentials of applications go. */
export class Graph {
  readonly host: string;
  readonly #origin: URL;
  readonly #rest: RestClient;
  readonly #credential: CredentialKind;

  constructor(origin: URL, identity: RestIdentity, credential: CredentialKind) {
    this.#origin = origin;
    this.host = origin.host;
    this.#rest = createRestClient(identity);
    this.#credential = credential;
  }

  asked(method: RestRequest['method'], app: EntraApp, rest: string, mutates: boolean): GraphRequest {
    const what = `${method} ${app.path}${rest.replace(/\?.*/, '')}`;
    const url = new URL(`/v1.0${app.path}${rest}`, this.#origin);
    return { method, url, what, host: this.host, mutates, anyId: app.anyId, credential: this.#credential };
  }

  /** One wire call. Whatever Graph answers is returned. @throws when no answer came */
  send(asked: GraphRequest, call: Call): Promise<RestAnswer> {
    return this.#rest.send(asked, call);
  }

  /**
   * Properties of the application, and when Graph said so, by its own clock.
   * @throws TARGET_NOT_FOUND when there is no such application; ACCESS_DENIED with the commands that grant it
   */
  async read(app: EntraApp, properties: string, call: Call): Promise<{ readonly body: Json; readonly readOn: Date }> {
    const asked = this.asked('GET', app, `?$select=${properties}`, false);
    const answer = await this.send(asked, call);
    if (answer.status !== 200) throw graphRefusal(answer, asked, call.now());
    const body = asRecord(parseJson(answer.text));
    for (const property of properties.split(',')) {
      const found = body[property];
      if (property.endsWith('Credentials') ? !Array.isArray(found) : typeof found !== 'string') throw unreadable(asked);
    }
    return { body, readOn: asDate(answer.header('date')) ?? call.now() };
  }
}

/** Does the answer say that there is no such application? */
export function saysAbsent({ status, text }: RestAnswer): boolean {
  return status === 404 && errorBody(text).code === 'Request_ResourceNotFound';
}

/**
 * Graph's reads lag behind its writes by seconds (no figure is documented [?]). Where it is unknown whether a credential was
 * made, the next attempt waits until a listing would show it, so that it finds what it has to remove.
 */
export function findable(error: unknown): never {
  if (!(error instanceof RotationError) || error.effect !== 'unknown') throw error;
  const { code, recovery, effect, message, remedy } = error;
  const retryAfterMs = Math.max(error.retryAfterMs ?? 0, READS_LAG_MS);
  const init = { code, recovery, effect, message, retryAfterMs };
  throw new RotationError(remedy === undefined ? init : { ...init, remedy });
}

export function unreadable({ what, mutates }: GraphCallFacts): RotationError {
  const message = `${what}: the answer is not the one that Graph documents`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', effect: mutates ? 'unknown' : 'none', message });
}

/** The rotation that made a credential, where it was one of ours. */
export function labelled(displayName: string): { readonly rotationId?: string } {
  const [label, rotationId, ...rest] = displayName.split(' ');
  return label === LABEL && rotationId !== undefined && rest.length === 0 ? { rotationId } : {};
}

/** A credential of an application as the engine lists it; its key id is its slot, too. */
export function asLive({ keyId, displayName, endsOn }: EntraCredential): LiveCredential {
  return {
    credentialId: keyId,
    slot: keyId,
    ...labelled(displayName),
    ...(endsOn === undefined ? {} : { notAfter: endsOn }),
  };
}

interface EntraCredential {
  readonly keyId: string;
  readonly displayName: string;
  readonly endsOn: Date | undefined;
}

export function asRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function asDate(value: unknown): Date | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at);
}
