/** The HTTP runbook as a person with a function key uses it. */
import type { Host } from '../../sandbox/host/host.ts';
import type { ObjectRef } from '../../src/rotation/ports.ts';
import type { Run } from '../../src/rotation/record.ts';
import { until } from './until.ts';

export type ShownRun = Run & { readonly object: ObjectRef; readonly whatToDo: string };

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the body is empty. */
  readonly json: unknown;
}

export class Runbook {
  /** Every answer so far, headers and bodies. */
  readonly answers: string[] = [];
  readonly #host: () => Host;

  /** @param host asked for each time, because a host may be killed and another started in its place */
  constructor(host: () => Host) {
    this.#host = host;
  }

  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const host = this.#host();
    const answer = await fetch(host.url(`/api/${path}`), {
      method,
      headers: { 'x-functions-key': host.keys.default, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    this.answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${text}`);
    return { status: answer.status, headers: answer.headers, text, json: text === '' ? undefined : JSON.parse(text) };
  }

  /** Starts a rotation. @returns its id. @throws Error with the answer when it is not accepted */
  async start(name: string, request: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { status, json, text } = await this.ask('POST', 'rotations', { vault: 'kv', name, ...request });
    if (status !== 202) throw new Error(`POST /api/rotations for ${name} answered ${status}: ${text}`);
    return (json as { rotationId: string }).rotationId;
  }

  async runs(query = 'limit=1000'): Promise<readonly ShownRun[]> {
    const { status, json, text } = await this.ask('GET', `rotations?${query}`);
    if (status !== 200) throw new Error(`GET /api/rotations answered ${status}: ${text}`);
    return (json as { rotations: ShownRun[] }).rotations;
  }

  async run(id: string): Promise<ShownRun> {
    const { status, json, text } = await this.ask('GET', `rotations/${id}`);
    if (status !== 200) throw new Error(`GET /api/rotations/${id} answered ${status}: ${text}`);
    return json as ShownRun;
  }

  /** Waits for the retirement. Consumers are looked at once more before it, which takes a minute of the sandbox's clock. */
  async retirement(name: string, clock: { advance(ms: number): void }): Promise<ShownRun> {
    return until(`the retirement of ${name}`, async () => {
      const [run] = await this.runs(`name=${name}`);
      if (run !== undefined && retired(run)) return run;
      clock.advance(5_000);
      return undefined;
    });
  }

  /** Waits until the newest run of this secret is as wanted; a blocked one that is not wanted ends the waiting. */
  async newest(name: string, wanted: (run: ShownRun) => boolean): Promise<ShownRun> {
    let seen: ShownRun | undefined;
    return until(
      `a run of ${name}`,
      async () => {
        [seen] = await this.runs(`name=${name}`);
        if (seen === undefined) return undefined;
        if (wanted(seen)) return seen;
        if (seen.state === 'blocked') throw new Error(`${name} is blocked: ${JSON.stringify(seen.blocked)}`);
        return undefined;
      },
      { state: () => seen },
    );
  }
}

/** The new version is current, announced, and the overlap has begun. */
export function rotated({ state, step }: Run): boolean {
  return state === 'waiting' && step === 'confirm';
}

export function retired({ state, step }: Run): boolean {
  return state === 'done' && step === 'done';
}

export function blocked({ state }: Run): boolean {
  return state === 'blocked';
}
