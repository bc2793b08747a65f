/** The application registrations of the tenant, and their client secrets and certificates as Entra's replicas come to know them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { keyCredential, type KeyCredential } from './keys.ts';

export interface ClientSecret {
  readonly keyId: string;
  readonly displayName: string | null;
  readonly startDateTime: Date;
  readonly endDateTime: Date;
  readonly hint: string;
  readonly text: string;
  /** When it was added, for the replicas; not when it becomes valid. */
  readonly addedAt: number;
}

export interface Application {
  /** The object id. */
  readonly id: string;
  /** The client id. */
  readonly appId: string;
  readonly displayName: string;
  secrets: ClientSecret[];
  keys: KeyCredential[];
  /** Refusals that hold until they are lifted. */
  denied: boolean;
  /** Retry-After in seconds; undefined within it: none is sent. */
  throttled: { readonly seconds: number | undefined } | undefined;
  passwordsForbidden: boolean;
  maxLifetimeDays: number | undefined;
  /** 2 for applications that take personal accounts. */
  maxPasswords: number;
  /** Disabled for log-ins. */
  disabled: boolean;
}

/** What a replica of the token endpoint says of a secret. */
export type Verdict = 'valid' | 'unknown' | 'expired';

export class Applications {
  readonly #apps: Application[] = [];
  readonly #now: () => Date;
  readonly #onSecret: (text: string) => void;
  /** How long until the last replica knows a new secret. The others know it sooner, at even distances. */
  propagationMs: number;

  constructor(now: () => Date, onSecret: (text: string) => void, propagationMs: number) {
    this.#now = now;
    this.#onSecret = onSecret;
    this.propagationMs = propagationMs;
  }

  create(displayName: string): Application {
    const app: Application = {
      id: randomUUID(),
      appId: randomUUID(),
      displayName,
      secrets: [],
      keys: [],
      denied: false,
      throttled: undefined,
      passwordsForbidden: false,
      maxLifetimeDays: undefined,
      maxPasswords: Number.POSITIVE_INFINITY,
      disabled: false,
    };
    this.#apps.push(app);
    return app;
  }

  byObjectId(id: string): Application | undefined {
    return this.#apps.find((app) => app.id === id.toLowerCase());
  }

  byAppId(appId: string): Application | undefined {
    return this.#apps.find((app) => app.appId === appId.toLowerCase());
  }

  remove(app: Application): () => void {
    this.#apps.splice(this.#apps.indexOf(app), 1);
    return () => void this.#apps.push(app);
  }

  /** @param agoMs how long ago it was added: an old one is known everywhere */
  add(app: Application, wanted: { name?: string | null; endDateTime?: Date; agoMs?: number } = {}): ClientSecret {
    const addedAt = this.#now().getTime() - (wanted.agoMs ?? 0);
    const startDateTime = new Date(addedAt);
    const inTwoYears = new Date(startDateTime);
    inTwoYears.setUTCFullYear(inTwoYears.getUTCFullYear() + 2);
    // The shape of Entra's own: three characters, `8Q~`, and 34 more.
    const text = `${randomLetters(3)}8Q~${randomLetters(34)}`;
    this.#onSecret(text);
    const secret: ClientSecret = {
      keyId: randomUUID(),
      displayName: wanted.name ?? null,
      startDateTime,
      endDateTime: wanted.endDateTime ?? inTwoYears,
      hint: text.slice(0, 3),
      text,
      addedAt,
    };
    app.secrets.push(secret);
    return secret;
  }

  /** A removed secret is refused at once, which is stricter than Entra. @returns whether there was one */
  removeSecret(app: Application, keyId: string): boolean {
    const before = app.secrets.length;
    app.secrets = app.secrets.filter((secret) => secret.keyId !== keyId.toLowerCase());
    return app.secrets.length < before;
  }

  /** Registers a certificate. @param agoMs how long ago: an old one is known everywhere */
  register(app: Application, der: Buffer, wanted: { name: string | null; agoMs?: number }): KeyCredential {
    const addedAt = this.#now().getTime() - (wanted.agoMs ?? 0);
    const key = keyCredential(der, { name: wanted.name, addedAt });
    app.keys.push(key);
    return key;
  }

  /** What a replica says of a registered certificate; `lag` as for secrets. */
  knows(key: KeyCredential, lag: number): boolean {
    return this.#now().getTime() >= key.addedAt + this.propagationMs * lag;
  }

  /** @param lag the replica's part of the propagation, above 0 and up to 1 */
  verdict(app: Application, text: string, lag: number): Verdict {
    const now = this.#now().getTime();
    const found = app.secrets.find((secret) => secret.text === text);
    if (found === undefined || now < found.addedAt + this.propagationMs * lag) return 'unknown';
    return now < found.endDateTime.getTime() ? 'valid' : 'expired';
  }
}

function randomLetters(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~';
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}
