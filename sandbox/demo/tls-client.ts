import { setTimeout as pause } from 'node:timers/promises';
import type { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { Sandbox } from '../sandbox.ts';

/** What is wrong with what a host has served; each would turn a client away or, worse, should have. */
export const FLAWS = ['expired', 'not yet valid', 'another name', 'foreign', 'no answer'] as const;
export type Flaw = (typeof FLAWS)[number];

export interface Served {
  readonly host: string;
  /** The certificate of the vault that it is to serve. */
  readonly object: string;
}

export interface Counts {
  handshakes: number;
  readonly flaws: Record<Flaw, number>;
}

const PATIENCE_MS = 5_000;
/** For each host name: the handshakes cost the same processor that everything else here runs on. */
const PAUSE_MS = 10;

/**
 * Connects to every host name, again and again, as browsers do: the sandbox's DNS, port 443, SNI, a connection of its own each time. It
 * goes by the sandbox's clock. It knows the versions that the vault has ever had, so that a certificate of anybody else is seen.
 */
export class TlsClient {
  readonly counts: Counts = {
    handshakes: 0,
    flaws: { expired: 0, 'not yet valid': 0, 'another name': 0, foreign: 0, 'no answer': 0 },
  };
  /** In words, the first few. */
  readonly failures: string[] = [];
  readonly #sandbox: Sandbox;
  readonly #served: readonly Served[];
  readonly #rounds = new Map<string, number>();
  #loops: Promise<void>[] = [];
  #stopped = false;

  constructor(sandbox: Sandbox, served: readonly Served[]) {
    this.#sandbox = sandbox;
    this.#served = served;
  }

  start(): void {
    this.#loops = this.#served.map((one) => this.#loop(one));
  }

  /** Resolves when a further connection to every host name has begun and ended. */
  async another(): Promise<void> {
    const before = new Map(this.#rounds);
    const all = (): boolean =>
      this.#served.every(({ host }) => (this.#rounds.get(host) ?? 0) >= (before.get(host) ?? 0) + 2);
    while (!all()) await pause(20);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** Does the host serve the newest version in the vault? */
  async servesNewest({ host, object }: Served): Promise<boolean> {
    const leaf = await handshake(host);
    return typeof leaf !== 'string' && this.#versionsOf(object).at(-1)?.equals(leaf.raw) === true;
  }

  async #loop(one: Served): Promise<void> {
    while (!this.#stopped) {
      // What is served was chosen in between: the clock may have moved on meanwhile.
      const before = this.#sandbox.ctx.clock.now();
      const leaf = await handshake(one.host);
      this.counts.handshakes += 1;
      const flaw = typeof leaf === 'string' ? 'no answer' : this.#flawOf(one, leaf, before);
      if (flaw !== undefined) {
        this.counts.flaws[flaw] += 1;
        const what = typeof leaf === 'string' ? leaf : `${leaf.subject}, until ${leaf.validTo}`;
        this.failures.push(`${before.toISOString()} ${one.host}: ${flaw} (${what})`);
      }
      this.#rounds.set(one.host, (this.#rounds.get(one.host) ?? 0) + 1);
      await pause(PAUSE_MS * this.#served.length);
    }
  }

  #flawOf({ host, object }: Served, leaf: X509Certificate, now: Date): Flaw | undefined {
    if (!this.#versionsOf(object).some((der) => der.equals(leaf.raw))) return 'foreign';
    if (leaf.checkHost(host) === undefined) return 'another name';
    if (Date.parse(leaf.validTo) < now.getTime()) return 'expired';
    return Date.parse(leaf.validFrom) > now.getTime() ? 'not yet valid' : undefined;
  }

  #versionsOf(object: string): readonly Buffer[] {
    return this.#sandbox.vault.certificates.peek('kv', object).map(({ der }) => der);
  }
}

/** The leaf that is served, or why there is none. Nothing but the handshake is sent; the client judges the leaf itself. */
function handshake(host: string): Promise<X509Certificate | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 443, servername: host, rejectUnauthorized: false });
    const end = (result: X509Certificate | string): void => {
      socket.destroySoon();
      resolve(result);
    };
    socket.setTimeout(PATIENCE_MS, () => end(`nothing for ${PATIENCE_MS / 1000} s`));
    socket.once('secureConnect', () => end(socket.getPeerX509Certificate() ?? 'no certificate'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.once('close', () => end('closed'));
  });
}
