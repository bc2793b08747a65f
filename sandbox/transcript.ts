/**
 * What one run of the sandbox saw being written, and every secret that it holds, so that the one can be searched for the
 * other afterwards. Kept only when the environment variable SANDBOX_TRANSCRIPTS names a folder: each run then leaves a
 * file there, `{ secrets: [[what, value], …], wrote: { place: text } }`. It holds secrets in the clear: the folder belongs
 * to whoever asked for it, who removes it.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const TRANSCRIPTS_VARIABLE = 'SANDBOX_TRANSCRIPTS';

export interface TranscriptFile {
  readonly secrets: readonly (readonly [what: string, value: string])[];
  readonly wrote: Readonly<Record<string, string>>;
}

export class Transcript {
  readonly #folder: string | undefined;
  readonly #secrets: (readonly [string, string])[] = [];
  readonly #wrote = new Map<string, string[]>();

  constructor(folder = process.env[TRANSCRIPTS_VARIABLE]) {
    this.#folder = folder === '' ? undefined : folder;
  }

  get kept(): boolean {
    return this.#folder !== undefined;
  }

  /** The sandbox holds this value, which nothing that is written may hold. */
  secret(what: string, value: string): void {
    if (this.#folder !== undefined) this.#secrets.push([what, value]);
  }

  wrote(place: string, text: string): void {
    if (this.#folder === undefined || text === '') return;
    const texts = this.#wrote.get(place);
    if (texts === undefined) this.#wrote.set(place, [text]);
    else texts.push(text);
  }

  /** Leaves the file. Synchronous: also what an exiting process can still do. */
  close(): void {
    if (this.#folder === undefined || this.#wrote.size + this.#secrets.length === 0) return;
    const wrote = Object.fromEntries([...this.#wrote].map(([place, texts]) => [place, texts.join('\n')]));
    const file: TranscriptFile = { secrets: this.#secrets, wrote };
    writeFileSync(join(this.#folder, `${randomUUID()}.json`), JSON.stringify(file), { mode: 0o600 });
    this.#wrote.clear();
    this.#secrets.length = 0;
  }
}
