import type { RotationErrorInit } from '../../../rotation/errors.ts';
import { RotationError } from '../../../rotation/errors.ts';
import { retryAfterMs } from '../../../azure/arm/errors.ts';
import type { Question } from '../row.ts';

/** One HTTPS request that proves a key. */
export interface Probe {
  /** What answers, in a sentence: `the Cosmos DB account orders`. */
  readonly who: string;
  /** From `/` on, with the query. */
  readonly path: string;
  /** The proof is in here; nothing of it goes into an error. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ProbeAnswer {
  readonly status: number;
  /** The body, for telling refusals apart. It goes into no error. */
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

/**
 * Sends the request: once, no retry, no redirect followed.
 * @throws TIMED_OUT or UNAVAILABLE when nothing was answered
 */
export async function askService({ who, path, headers }: Probe, { host, call }: Question): Promise<ProbeAnswer> {
  const rest = await import('@azure/core-rest-pipeline');
  try {
    const request = rest.createPipelineRequest({
      url: `https://${host}${path}`,
      headers: rest.createHttpHeaders(headers),
      abortSignal: call.signal,
    });
    const pipeline = rest.createEmptyPipeline();
    pipeline.addPolicy(rest.proxyPolicy());
    const response = await pipeline.sendRequest(rest.createDefaultHttpClient(), request);
    const wait = retryAfterMs(response.headers.get('retry-after'), call.now());
    return { status: response.status, text: response.bodyAsText ?? '', retryAfterMs: wait };
  } catch (error) {
    // The client's error holds the request with its key or signature, so it is not passed on as the cause.
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    throw unanswered(error, `${who} (${host})`, host, call.signal.aborted);
  }
}

/** No answer came from the service. */
export function unanswered(error: Error, where: string, host: string, aborted: boolean): RotationError {
  if (aborted || error.name === 'AbortError') {
    return new RotationError({ code: 'TIMED_OUT', recovery: 'retry', message: `${where} did not answer in time` });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const message = `${where} cannot be reached: ${code}`;
  const remedy = `Check the name, the private DNS zone and the firewall: nslookup ${host.replace(/:\d+$/, '')}`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message, remedy });
}

/**
 * The service says that the key is wrong. How long a data plane may go on refusing a key that ARM has just made is not
 * documented [?]: so the question may be asked again.
 */
export function rejectedKey(who: string, answer: string, { host, issued }: Question): RotationError {
  const message = `${who} (${host}) answered ${answer}: it does not accept ${issued.slot} with the value that was tried`;
  return new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', message });
}

/** The resource takes no keys at all, so there is nothing to rotate. */
export function keysOff(who: string, remedy: string, { host, issued }: Question): RotationError {
  const message = `${who} (${host}) accepts no keys, neither ${issued.slot} nor any other`;
  return new RotationError({ code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy });
}

/** An answer that says nothing of the key, by its status alone. `show` is the command that shows the resource. */
export function answeredElse(who: string, answer: ProbeAnswer, show: string, { host }: Question): RotationError {
  const wait = answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs };
  return new RotationError({ ...byStatus(answer.status, `${who} (${host}) answered ${answer.status}`, show), ...wait });
}

function byStatus(status: number, message: string, show: string): RotationErrorInit {
  if (status === 401 || status === 403) {
    const remedy = `Let the app's network in (firewall, private endpoint); see: ${show}`;
    return {
      code: 'ACCESS_DENIED',
      recovery: 'reconfigure',
      message: `${message}: this network is not let in`,
      remedy,
    };
  }
  if (status === 404) return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message, remedy: show };
  if (status === 408 || status === 504) return { code: 'TIMED_OUT', recovery: 'retry', message };
  if (status === 429) return { code: 'THROTTLED', recovery: 'retry', message };
  return { code: 'UNAVAILABLE', recovery: 'retry', message };
}
