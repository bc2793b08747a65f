/**
 * Decides when a secret's, a key's or a certificate's version comes near its expiry and when it expires (facts B2): once per version, only while it
 * is the current one, thirty days before `exp`, or at once when `exp` is nearer than that. Disabled ones count too.
 * A changed `exp` starts anew; that is unverified for the real service.
 */
import type { SandboxClock } from '../clock.ts';
import { daysOf } from '../vault/key-store.ts';
import type { KeyVersion, StoredKey } from '../vault/keys.ts';
import type { SecretVersion, VaultService } from '../vault/vault.ts';
import type { Agenda } from './agenda.ts';
import { certificateEvent, keyEvent, secretEvent } from './events.ts';
import type { GridEvent } from './events.ts';

const NEAR_MS = 30 * 86_400_000;

type Version = Pick<SecretVersion, 'id' | 'exp' | 'createdMs'>;

/** Of a key the rotation policy says how long before the end it warns. */
function noticeOf({ policy }: StoredKey): number {
  const notify = policy?.lifetimeActions.find(({ action }) => action.type === 'Notify')?.trigger.timeBeforeExpiry;
  return notify === undefined ? NEAR_MS : daysOf(notify) * 86_400_000;
}

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
    const look = (version: Version, noticeMs: number, event: (kind: 'NearExpiry' | 'Expired') => GridEvent): void => {
      if (version.exp === undefined) return;
      const expMs = version.exp * 1000;
      const tell = (kind: 'NearExpiry' | 'Expired', dueMs: number): void => {
        const key = `${version.id} ${version.exp ?? ''} ${kind}`;
        if (this.#told.has(key)) return;
        if (dueMs > now.getTime()) {
          nextMs = Math.min(nextMs, dueMs);
          return;
        }
        this.#told.add(key);
        this.#emit(event(kind));
      };
      // A version that was born expired is not near its expiry any more.
      if (expMs > version.createdMs) tell('NearExpiry', expMs - noticeMs);
      tell('Expired', expMs);
    };
    for (const vault of this.#vault.names) {
      for (const secret of this.#vault.secrets(vault)) {
        const version = secret.versions.at(-1);
        // What backs a certificate ends with it, and the certificate tells; whether both do in Azure is unverified.
        if (version?.kid !== undefined) continue;
        const of = (kind: 'NearExpiry' | 'Expired', at: SecretVersion): GridEvent =>
          secretEvent(`Secret${kind}`, this.#vault, { vault, secret, version: at }, now);
        if (version !== undefined) look(version, NEAR_MS, (kind) => of(kind, version));
      }
      for (const key of this.#vault.keys.all(vault)) {
        const version = key.versions.at(-1);
        if (version?.managed === true) continue;
        const of = (kind: 'NearExpiry' | 'Expired', at: KeyVersion): GridEvent =>
          keyEvent(`Key${kind}`, this.#vault, { vault, key, version: at }, now);
        if (version !== undefined) look(version, noticeOf(key), (kind) => of(kind, version));
      }
      for (const certificate of this.#vault.certificates.all(vault)) {
        const version = certificate.versions.at(-1);
        if (version === undefined) continue;
        look(version, NEAR_MS, (kind) =>
          certificateEvent(`Certificate${kind}`, this.#vault, { vault, certificate, version }, now),
        );
      }
    }
    this.#cancelNext();
    if (Number.isFinite(nextMs)) this.#cancelNext = this.#agenda.at(nextMs, () => this.#soon());
  }
}
