import { X509Certificate } from 'node:crypto';
import { createRunbook } from '../../../src/http.ts';
import type { Engine } from '../../../src/rotation/engine.ts';
import { newRotationId } from '../../../src/rotation/ids.ts';
import type { RotateMessage } from '../../../src/rotation/ports.ts';
import type { Run } from '../../../src/rotation/record.ts';
import type { Life } from '../../crash/killer.ts';
import { issue } from '../certificates.ts';
import type { KeySetting, KeyStage, StagedVersion } from '../key-stage.ts';
import type { TestQueue } from '../test-queue.ts';
import { Bench, days, OBJECT } from './bench.ts';
import { CERTIFICATE, CERTIFICATE_TAGS, NAMES } from './certificate-bench.ts';
import { ders } from './certificates.ts';
import { MINUTE } from './clock.ts';

export type Issuing = 'Self' | 'Unknown';

/** So many versions are made at most: the first, ours, one of somebody else, and one to spare. */
const VERSIONS = 4;

/** Certificates take longer to make than a scene lasts: each ends later than the one before it. */
export async function makeVersions(): Promise<readonly (readonly Uint8Array[])[]> {
  const made: (readonly Uint8Array[])[] = [];
  for (let n = 0; n < VERSIONS; n += 1) {
    const valid = n === 0 ? { from: days(-70), until: days(20) } : { from: days(0), until: days(90 + n) };
    made.push(ders(await issue({ names: NAMES, valid })));
  }
  return made;
}

/** `gateway` takes a version when it is told, `site` after an operation, `edge` looks for new ones by itself. */
export class MemoryCertificateStage implements KeyStage {
  readonly #bench = new Bench();
  readonly #issuing: Issuing;
  readonly #versions: (readonly Uint8Array[])[];
  readonly tag = 'owner';
  readonly event: RotateMessage;

  /** @param made of `makeVersions` @param issuing whether a person has a part in it */
  constructor(
    made: readonly (readonly Uint8Array[])[],
    issuing: Issuing,
    { trigger, keepsTags = true }: KeySetting = {},
  ) {
    const bench = this.#bench;
    const { certificates, consumers } = bench;
    this.#issuing = issuing;
    this.#versions = [...made];
    bench.vault.remove(OBJECT);
    const { version } = certificates.add(CERTIFICATE, this.#versions.shift() ?? [], CERTIFICATE_TAGS);
    certificates.change(CERTIFICATE, { createdOn: days(-70), updatedOn: days(-69) });
    Object.assign(certificates, { ready: this.#versions, operationMs: MINUTE, keepsTags });
    certificates.policyNow = { ...certificates.policyNow, issuer: issuing };
    certificates.onVersion = (object, made) =>
      bench.queue.put({ kind: 'propagate', message: { object, version: made } });
    consumers.put('gateway', { version });
    consumers.put('site', { version, takes: 'slow' });
    consumers.put('edge', { version, takes: 'by-itself' });
    this.event =
      trigger === 'compromised'
        ? { object: CERTIFICATE, trigger, rotationId: newRotationId(CERTIFICATE, bench.clock.now()), requestedBy: 'me' }
        : { object: CERTIFICATE, trigger: 'near-expiry', version };
  }

  get queue(): TestQueue {
    return this.#bench.queue;
  }

  get mutations(): number {
    const { calls, consumers } = this.#bench;
    return this.versions().length + consumers.pushes + calls.count('certificates.amend');
  }

  now(): Date {
    return this.#bench.clock.now();
  }

  advance(ms: number): void {
    this.#bench.clock.advance(ms);
    const newest = this.#bench.certificates.peek(CERTIFICATE)[0];
    if (newest !== undefined && this.versions().length > 1) this.#bench.consumers.settle(newest.version);
  }

  engine(life: Life, tell: (line: string) => void): Engine {
    const { engine, vault, certificates, consumers, adoptions, notices, journal, queue } = this.#bench;
    return {
      ...engine,
      vault: life.wrap('vault', vault, ['validate']),
      certificates: life.wrap('certificates', certificates),
      discovery: life.wrap('discovery', consumers, ['waitsFor']),
      consumers: [life.wrap('consumer', consumers)],
      adoptions: life.wrap('adoptions', adoptions),
      notices: life.wrap('notices', notices),
      journal: life.wrap('journal', journal),
      queue: life.wrap('queue', queue),
      announcer: life.wrap('announcer', engine.announcer),
      log: (level, message, fields) => tell(JSON.stringify({ level, message, ...fields })),
    };
  }

  versions(): readonly StagedVersion[] {
    return this.#bench.certificates.peek(CERTIFICATE);
  }

  used(): Readonly<Record<string, string | undefined>> {
    const { consumers } = this.#bench;
    return Object.fromEntries(['gateway', 'site', 'edge'].map((name) => [name, consumers.serves(name)]));
  }

  foreignVersion(): void {
    const { certificates } = this.#bench;
    const [newest] = certificates.peek(CERTIFICATE);
    certificates.add(CERTIFICATE, this.#versions.shift() ?? [], newest?.tags ?? {});
  }

  async person(life: Life): Promise<boolean> {
    const run = await this.run();
    if (this.#issuing !== 'Unknown' || run?.blocked?.code !== 'VALUE_AWAITED') return false;
    const [signed = []] = this.#versions;
    const certificate = signed.map((der) => new X509Certificate(der).toString()).join('');
    const { status } = await createRunbook(this.engine(life, () => undefined)).takeSigned(
      run.rotationId,
      { certificate },
      'me',
    );
    if (status === 202) this.#versions.shift();
    return status === 202;
  }

  async run(): Promise<Run | undefined> {
    return this.#bench.journal.entry(CERTIFICATE)?.record.run;
  }

  async ledger(): Promise<readonly Run[]> {
    return [...this.#bench.journal.ledger.values()].map(({ run }) => run);
  }

  end(): void {
    // It lives in memory, and goes with its scene.
  }
}
