import { createAnswer, Refused } from '../../examples/external-server/answer.ts';
import { createMemorySystem, type MemorySystem } from '../../examples/external-server/system.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startHttps } from '../../sandbox/http.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { SecretValue, type Issued, type Rotator, type TargetInput } from '../../src/rotation/ports.ts';
import type { Overlap } from '../../src/rotators/external/config.ts';
import { externalRotator } from '../../src/rotators/external/rotator.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

export const SIGNING_KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const STATUS = { denied: 403, absent: 404, throttled: 429, unavailable: 503 } as const;
const HOST = 'rotate.sandbox.test';

/** The example endpoint over TLS, whatever its system. */
export class ExternalHarness implements RotatorHarness {
  readonly name: string;
  readonly patienceMs = 300;
  readonly #overlap: Overlap;
  readonly #system: MemorySystem = createMemorySystem();
  #stops: (() => void | Promise<void>)[] = [];
  #trouble: keyof typeof STATUS | undefined;
  #run: Run | undefined;
  #rotator: Rotator | undefined;
  #made = 0;

  constructor(overlap: Overlap) {
    this.#overlap = overlap;
    this.name = `external, ${overlap}`;
  }

  get rotator(): Rotator {
    if (this.#rotator === undefined) throw new Error('the harness has not been started');
    return this.#rotator;
  }

  async start(): Promise<void> {
    const run = (this.#run = await createRun());
    this.#stops = [() => run.dispose(), installSandboxDns(), trustSandbox(run.ctx.pki)];
    run.ctx.transcript.secret('the signing key', SIGNING_KEY);
    // The crash suite lives through months on a clock of its own, which the endpoint's has to follow; what becomes of clocks
    // that differ is in test/unit/external.test.ts.
    let seconds = 0;
    const answer = createAnswer(this.#troubled(), { key: SIGNING_KEY, now: () => seconds * 1000 });
    const server = await startHttps(run.ctx, {
      names: [HOST],
      system: 'http-api',
      operation: ({ json }) => `POST external ${(json as { verb?: string } | undefined)?.verb ?? ''}`,
      handler: ({ headers, body }) => {
        seconds = Number(headers['webhook-timestamp']);
        return answer({ headers, body: body.toString('utf8') });
      },
    });
    this.#stops.push(() => server.stop());
    let made = 0;
    this.#rotator = externalRotator(this.#overlap, {
      secrets: { read: () => Promise.resolve(new SecretValue(SIGNING_KEY)), forget: () => undefined },
      uniqueId: () => `id-${(made += 1)}`,
      instances: [
        {
          name: 'ERP',
          url: `${server.origin(HOST)}/keyturn`,
          secret: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'signing-key' },
          overlap: this.#overlap,
          allowPrivate: true,
        },
      ],
    });
  }

  /** The system with whatever is wrong with it at the moment. */
  #troubled(): MemorySystem {
    const refuse = (changes: boolean): void => {
      const trouble = this.#trouble;
      if (trouble === undefined || (trouble === 'unavailable' && !changes)) return;
      throw new Refused(STATUS[trouble], trouble === 'throttled' ? 7 : undefined);
    };
    const system = this.#system;
    return {
      ...system,
      check: () => (refuse(false), system.check()),
      list: () => (refuse(false), system.list()),
      set: (ask) => (refuse(true), system.set(ask)),
      test: (ask) => (refuse(false), system.test(ask)),
      revoke(ask) {
        refuse(true);
        system.revoke(ask);
      },
    };
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop();
  }

  fresh(): Promise<Fresh> {
    this.#made += 1;
    const pair = this.#overlap === 'two-slots';
    const { credentialId, value } = this.#system.make(pair ? `app${this.#made}_a` : undefined);
    this.#run?.ctx.transcript.secret('a credential of the example', value);
    if (pair) this.#system.make(`app${this.#made}_b`);
    const alternate = pair ? { alternateCredentialId: `app${this.#made}_b` } : {};
    return Promise.resolve({
      input: { providerAddress: 'erp/orders', credentialId, ...alternate },
      current: { credentialId, slot: credentialId, value: new SecretValue(value) },
    });
  }

  authenticates(_input: TargetInput, issued: Issued): Promise<boolean> {
    return Promise.resolve(this.#system.accepts(issued.value.reveal()));
  }

  mint(): SecretValue {
    return new SecretValue('a-value-that-nobody-has-made');
  }

  fault(kind: Fault): Promise<() => Promise<void>> {
    if (kind !== 'timeout') {
      this.#trouble = kind;
      return Promise.resolve(async () => void (this.#trouble = undefined));
    }
    const faults = this.#run?.ctx.faults;
    const id = faults?.add({
      system: 'http-api',
      match: 'external (set|test)',
      action: { delayMs: 30_000, drop: 'before' },
    });
    return Promise.resolve(async () => faults?.remove(id ?? ''));
  }

  readonly faultCodes = {
    denied: { code: 'ACCESS_DENIED', effect: 'none' },
    absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
    throttled: { code: 'THROTTLED', effect: 'none' },
    unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
    timeout: { code: 'TIMED_OUT', effect: 'unknown' },
  } as const;

  written(): Promise<string> {
    return Promise.resolve(JSON.stringify(this.#run?.ctx.traffic.entries));
  }

  get badInputs(): RotatorHarness['badInputs'] {
    const good = { providerAddress: 'erp', credentialId: 'a' };
    const pair = this.#overlap === 'two-slots';
    const input = pair ? { ...good, alternateCredentialId: 'b' } : good;
    const address = 'tags.ProviderAddress';
    return [
      {
        why: 'everything at once',
        input: { providerAddress: 'nope/\n', credentialId: '', alternateCredentialId: pair ? '' : 'x' },
        paths: [address, 'tags.CredentialId', 'tags.AlternateCredentialId', address],
      },
      {
        why: 'an address where a name belongs',
        input: { ...input, providerAddress: 'https://evil.example' },
        paths: [address],
      },
    ];
  }
}
