import { app as functions } from '@azure/functions';
import type { HttpMethod, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { Answer, App } from '../main.ts';
import { platformSignsIn, signIn, type SignIn } from '../config/sign-in.ts';
import { RotationError } from '../rotation/errors.ts';
import { app } from './app.ts';
import { describeFailure } from './failure.ts';

type Runbook = App['runbook'];

export interface Endpoint {
  readonly method: HttpMethod;
  readonly route: string;
  readonly answer: (runbook: Runbook, request: HttpRequest) => Promise<Answer>;
}

/**
 * Registers one endpoint of the runbook, `health` included: even a health report names vaults and what is wrong with
 * them. The host asks for a key, unless the platform's log-in with Entra stands before it: then the level is
 * `anonymous`, which to the host means "no key", and {@link refusal} sees to it that somebody is logged in. The level
 * is always written down: v4 of the library makes an endpoint without one anonymous.
 */
export function endpoint(name: string, { method, route, answer }: Endpoint): void {
  functions.http(name, {
    methods: [method],
    authLevel: signIn() === 'entra' ? 'anonymous' : 'function',
    route,
    handler: (request, context) =>
      refusal(request) ?? respond(context, async () => answer((await app()).runbook, request)),
  });
}

/**
 * What a request is answered that nobody has logged in for; undefined where the host's key was asked for already. The
 * platform refuses such a request before it comes here. This one is for the day on which that log-in is switched off,
 * or a path is excluded from it: endpoints without a key must not stand open then.
 */
export function refusal(
  request: HttpRequest,
  mode: SignIn = signIn(),
  signsIn: boolean = platformSignsIn(),
): HttpResponseInit | undefined {
  if (mode === 'key') return undefined;
  if (signsIn && (request.headers.get('x-ms-client-principal-id') ?? '') !== '') return undefined;
  const status = signsIn ? 401 : 503;
  return toResponse({
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: {
      type: 'urn:keyturn:error:ACCESS_DENIED',
      title: 'ACCESS_DENIED',
      status,
      detail: signsIn
        ? 'Nobody is logged in.'
        : 'KEYTURN_SIGN_IN is entra, but App Service authentication is off: nobody can be told from anybody else.',
      remedy: signsIn
        ? 'Send a token of Entra for this app: az account get-access-token --resource api://<client id of its registration>'
        : 'Deploy infra/main.bicep again, which switches it on, or set KEYTURN_SIGN_IN to key.',
    },
  });
}

/** The runbook's answer as a response; whatever it throws, an answer too, and one line in the log. Never throws. */
export async function respond(context: InvocationContext, answer: () => Promise<Answer>): Promise<HttpResponseInit> {
  try {
    return toResponse(await answer());
  } catch (error) {
    return incident(error, context);
  }
}

/** The body: parsed if it is JSON, `undefined` if it is empty, else its text, which the runbook refuses by name. */
export async function jsonBody(request: HttpRequest): Promise<unknown> {
  const text = await request.text();
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** The query's parameters; of a repeated one the last. */
export function query(request: HttpRequest): Record<string, string> {
  return Object.fromEntries(request.query);
}

/**
 * Who is asking, for the ledger. Behind the platform's log-in it is who logged in: a person's name, an application's
 * id. A function key proves that the caller may, not who they are; the name is then what some log-in in front of the
 * app or else the caller says, and is recorded as a claim.
 */
export function caller(request: HttpRequest, mode: SignIn = signIn()): string {
  const said = (header: string): string =>
    (request.headers.get(header) ?? '')
      .replace(/[^\p{L}\p{N}_.@+ -]/gu, '')
      .slice(0, 100)
      .trim();
  if (mode === 'entra') return said('x-ms-client-principal-name') || said('x-ms-client-principal-id');
  const name = said(
    request.headers.has('x-ms-client-principal-name') ? 'x-ms-client-principal-name' : 'x-keyturn-caller',
  );
  return name === '' ? 'function key' : `${name} (function key)`;
}

function toResponse({ status, headers = {}, body }: Answer): HttpResponseInit {
  if (body === undefined) return { status, headers };
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/**
 * The answer to a failure that the runbook did not answer itself. One with a name (settings that are wrong, a table
 * that cannot be reached) says what it is and what to do; any other only gives an id to look up in the log.
 */
function incident(error: unknown, context: InvocationContext): HttpResponseInit {
  const { code, message, frames } = describeFailure(error);
  const { functionName, invocationId } = context;
  context.error(`${functionName} failed: incident ${invocationId}: ${code}: ${message}\n${frames}`);
  const known = error instanceof RotationError ? error : undefined;
  const status = known?.recovery === 'retry' ? 503 : 500;
  const retryAfter = known?.retryAfterMs;
  return toResponse({
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
    },
    body: {
      type: `urn:keyturn:error:${code}`,
      title: known === undefined ? 'Internal error' : known.code,
      status,
      detail: known?.message ?? `The request could not be served. Search the log for incident ${invocationId}.`,
      ...(known?.remedy === undefined ? {} : { remedy: known.remedy }),
      ...(known === undefined || known.problems.length === 0 ? {} : { problems: known.problems }),
      incident: invocationId,
    },
  });
}
