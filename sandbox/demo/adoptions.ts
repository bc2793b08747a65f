import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { Sandbox } from '../sandbox.ts';

/** A consumer as the runbook shows it. */
export interface ShownConsumer {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly detail?: string;
  readonly deadline?: string;
  readonly proof?: { readonly kind: string; readonly at: string; readonly detail: string };
  readonly trouble?: object;
  readonly whatToDo: string;
}

/** `GET /api/consumers` of one object. */
export interface Shown {
  readonly version: string;
  readonly startedAt: string;
  readonly nextLookAt?: string;
  readonly consumers: readonly ShownConsumer[];
  readonly gaps: readonly { readonly where: string; readonly message: string }[];
}

const OPEN = ['discovered', 'pushed', 'propagating'];
/** Real time. */
const LOOK_MS = 150;
const STUCK_MS = 30_000;

/** What of an ARM id tells one from another: `sites/shop`. */
export function shortId(id: string): string {
  return id.replace(/^.*\/providers\/[^/]+\//i, '');
}

/** Follows the consumers of some objects through the HTTP runbook, and says what becomes of each. */
export class Adoptions {
  readonly #sandbox: Sandbox;
  readonly #host: Host;
  readonly #say: (line: string) => void;
  readonly #told = new Map<string, string>();

  constructor(sandbox: Sandbox, host: Host, say: (line: string) => void) {
    this.#sandbox = sandbox;
    this.#host = host;
    this.#say = say;
  }

  /** @returns undefined before anybody was looked for */
  async read(object: string): Promise<Shown | undefined> {
    const answer = await fetch(this.#host.url(`/api/consumers?vault=kv&name=${object}`), {
      headers: { 'x-functions-key': this.#host.keys.default },
    });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`GET /api/consumers answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Shown;
  }

  /**
   * Resolves when there is nothing more to wait for: every consumer of these versions has it, or is in a state that only a person
   * ends. The clock moves on to the next look whenever the app is waiting for one.
   * @param versions by object @returns what is known by then, also when nothing moves any more
   */
  async settled(versions: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, Shown | undefined>> {
    let last = '';
    let movedAt = performance.now();
    for (;;) {
      const shown = new Map<string, Shown | undefined>();
      for (const object of versions.keys()) shown.set(object, await this.read(object));
      this.#tell(shown);
      const all = [...shown].map(([object, one]) => (one?.version === versions.get(object) ? one : undefined));
      const known = all.filter((one) => one !== undefined);
      const open = known.filter(isOpen);
      if (known.length === versions.size && open.length === 0) return shown;
      const now = JSON.stringify([...shown]);
      if (now !== last) movedAt = performance.now();
      last = now;
      if (performance.now() - movedAt > STUCK_MS) {
        this.#say(`Nothing has moved for ${STUCK_MS / 1000} s.`);
        return shown;
      }
      if (known.length === versions.size) this.#moveOn(open);
      await pause(LOOK_MS);
    }
  }

  /** Only when nobody is at work: a jump ends the time of the calls that are under way. */
  #moveOn(open: readonly Shown[]): void {
    const { clock } = this.#sandbox.ctx;
    const now = clock.now().getTime();
    const looks = open.map(({ nextLookAt }) => Date.parse(nextLookAt ?? '') || 0);
    if (looks.some((at) => at <= now) || open.some(isAtWork)) return;
    // Who takes days is not asked every quarter of an hour here, but no consumer is asked later than when it must have adopted.
    const waited = now - Math.min(...open.map(({ startedAt }) => Date.parse(startedAt)));
    const deadlines = open
      .flatMap(({ consumers }) => consumers)
      .filter(({ state }) => OPEN.includes(state))
      .map(({ deadline }) => Date.parse(deadline ?? '') || Number.POSITIVE_INFINITY)
      .filter((at) => at > now);
    const to = Math.min(Math.max(Math.min(...looks), now + waited / 4), ...deadlines);
    clock.advance(to - now + 1_000);
  }

  #tell(shown: ReadonlyMap<string, Shown | undefined>): void {
    for (const [object, one] of shown) {
      for (const consumer of one?.consumers ?? []) {
        const line = `${consumer.state}${consumer.proof === undefined ? '' : ` by ${consumer.proof.kind}`}`;
        const key = `${object} ${consumer.id}`;
        if (this.#told.get(key) === line) continue;
        this.#told.set(key, line);
        const at = this.#sandbox.ctx.clock.now().toISOString().slice(0, 19);
        this.#say(`${at}Z  ${object.padEnd(12)} ${shortId(consumer.id).padEnd(48)} ${line}`);
      }
    }
  }
}

/** Somebody is being looked for, or told, in this moment: the next look that is shown is only for when that fails. */
function isAtWork({ consumers }: Shown): boolean {
  return (
    consumers.length === 0 || consumers.some(({ state, trouble }) => state === 'discovered' && trouble === undefined)
  );
}

function isOpen({ consumers }: Shown): boolean {
  return consumers.length === 0 || consumers.some(({ state }) => OPEN.includes(state));
}
