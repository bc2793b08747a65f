/**
 * Decides when a secret's version comes near its expiry and when it expires (facts B2): once per version, only while it
 * is the current one, thirty days before `exp`, or at once when `exp` is nearer than that. Disabled ones count too.
 * A changed `exp` starts anew; that is unverified for the real service.
 */
import type { SandboxClock } from '../clock.ts';
import type { VaultService } from '../vault/vault.ts';
import type { Agenda } from './agenda.ts';
import { secretEvent } from './events.ts';
import type { GridEvent } from './events.ts';

const NEAR_MS = 30 * 86_400_000;

export class ExpiryWatcher {
  readonly #clock: SandboxClock;
  readonly #vault: VaultService;
  readonly #agenda: Agenda;
  readonly #emit: (event: GridEvent) => void;
  readonly #told = new Set<string>();
  readonly #unlisten: (() => void)[];
  #cancelNext: () => void = () => undefined;
  #waiting: NodeJS.Immediate | undefined;

  constructor(clock: SandboxClock, vault: VaultService, agenda: Agenda, emit: (event: GridEvent) => void) {
    this.#clock = clock;
    this.#vault = vault;
    this.#agenda = agenda;
    this.#emit = emit;
    this.#unlisten = [vault.onChange(() => this.#soon()), clock.onAdvance(() => this.#soon())];
  }

  /** Whether a look at the vaults is due that has not been taken yet. */
  get pending(): boolean {
    return this.#waiting !== undefined;
  }

  stop(): void {
    for (const unlisten of this.#unlisten) unlisten();
    this.#cancelNext();
    clearImmediate(this.#waiting);
    this.#waiting = undefined;
  }

  #soon(): void {
    this.#waiting ??= setImmediate(() => {
      this.#waiting = undefined;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const vault of this.#vault.names) {
      for (const secret of this.#vault.secrets(vault)) {
        const version = secret.versions.at(-1);
        if (version?.exp === undefined) continue;
        const expMs = version.exp * 1000;
        const tell = (kind: 'SecretNearExpiry' | 'SecretExpired', dueMs: number): void => {
          const key = `${version.id} ${version.exp ?? ''} ${kind}`;
          if (this.#told.has(key)) return;
          if (dueMs > now.getTime()) {
            nextMs = Math.min(nextMs, dueMs);
            return;
          }
          this.#told.add(key);
          this.#emit(secretEvent(kind, this.#vault, { vault, secret, version }, now));
        };
        // A version that was born expired is not near its expiry any more.
        if (expMs > version.createdMs) tell('SecretNearExpiry', expMs - NEAR_MS);
        tell('SecretExpired', expMs);
      }
    }
    this.#cancelNext();
    if (Number.isFinite(nextMs)) this.#cancelNext = this.#agenda.at(nextMs, () => this.#soon());
  }
}
