import { installSandboxDns } from '../../sandbox/dns.ts';
import { startHttps, type SandboxRequest, type SandboxResponse } from '../../sandbox/http.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import { newRotationId, objectKey } from '../../src/rotation/ids.ts';
import { SecretValue, type Issued, type ObjectRef, type Rotator, type TargetInput } from '../../src/rotation/ports.ts';
import type { HttpApiSetting } from '../../src/rotators/http-api/config.ts';
import { httpApiRotator } from '../../src/rotators/http-api/rotator.ts';
import { ADMINISTRATOR } from './http-api.harness.ts';
import { never } from './rotator-bench.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

/** An entry of KEYTURN_HTTP_APIS, whose secret is given beside it; `host` is required. */
export type LiveInstance = Pick<HttpApiSetting, 'description'> & Partial<HttpApiSetting> & { readonly host: string };

const RELAY = 'relay.sandbox.test';
/** What the suites call the secret; the names of their keys tell them by it. */
const OBJECT: ObjectRef = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'contract' };
const STATUS = { denied: 403, absent: 404, throttled: 429, unavailable: 503 } as const;

/**
 * Any service that a description fits, through a relay that can fail: so the whole contract suite runs on a service that
 * nobody can ask to fail. Makes some sixty keys and revokes all of them, and no other.
 */
export class LiveHttpApiHarness implements RotatorHarness {
  readonly name: string;
  readonly patienceMs = 500;
  readonly #instance: LiveInstance;
  readonly #administrator: () => SecretValue;
  #stops: (() => void | Promise<void>)[] = [];
  #run: Run | undefined;
  #trouble: keyof typeof STATUS | undefined;
  #relayed: Rotator | undefined;
  #direct: Rotator | undefined;

  constructor(instance: LiveInstance, administrator: () => SecretValue) {
    this.#instance = instance;
    this.#administrator = administrator;
    this.name = `http-api at ${instance.host}`;
  }

  get rotator(): Rotator {
    if (this.#relayed === undefined) throw new Error('the harness has not been started');
    return this.#relayed;
  }

  async start(): Promise<void> {
    const run = (this.#run = await createRun());
    this.#stops = [() => run.dispose(), installSandboxDns(), trustSandbox(run.ctx.pki)];
    const relay = await startHttps(run.ctx, {
      names: [RELAY],
      system: 'http-api',
      handler: (request) => this.#relay(request, `https://${RELAY}:${relay.port}`),
    });
    this.#stops.push(() => relay.stop());
    this.#relayed = this.#rotatorAt(`${RELAY}:${relay.port}`);
    this.#direct = this.#rotatorAt(this.#instance.host);
  }

  #rotatorAt(host: string): Rotator {
    const read = (): Promise<SecretValue> => Promise.resolve(this.#administrator());
    return httpApiRotator({
      secrets: { read, forget: () => undefined },
      instances: [{ variables: {}, ...this.#instance, name: 'live', host, secret: ADMINISTRATOR, allowPrivate: true }],
    });
  }

  /** Passes on what comes, unless it is to fail; addresses in answers lead back here. */
  async #relay(request: SandboxRequest, own: string): Promise<SandboxResponse> {
    const trouble = this.#trouble;
    if (trouble !== undefined && (trouble !== 'unavailable' || request.method !== 'GET')) {
      return {
        status: STATUS[trouble],
        body: {},
        ...(trouble === 'throttled' ? { headers: { 'retry-after': '7' } } : {}),
      };
    }
    const origin = `https://${this.#instance.host}`;
    const drop = ['host', 'connection', 'content-length'];
    const sent = Object.entries(request.headers).filter(([name]) => !drop.includes(name));
    const answer = await fetch(`${origin}${request.rawUrl}`, {
      method: request.method,
      headers: sent.map(([name, value]): [string, string] => [name, String(value)]),
      redirect: 'manual',
      ...(request.body.length === 0 ? {} : { body: new Uint8Array(request.body) }),
    });
    const kept = ['content-type', 'link', 'retry-after', 'location'].flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value.replaceAll(origin, own)] as const];
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(kept),
      body: (await answer.text()).replaceAll(origin, own),
    };
  }

  async stop(): Promise<void> {
    this.#trouble = undefined;
    if (this.#direct !== undefined) await this.#clean(this.#direct);
    for (const stop of this.#stops.toReversed()) await stop();
  }

  /** Revokes what the suite has made; nothing else carries its names. */
  async #clean(rotator: Rotator): Promise<void> {
    const target = rotator.parseTarget({ providerAddress: 'live', credentialId: 'none' });
    for (const { credentialId, rotationId } of await rotator.list(target, never())) {
      if (rotationId?.startsWith(objectKey(OBJECT)) !== true) continue;
      await rotator.revoke(target, credentialId, { endSessions: false }, never());
    }
  }

  async fresh(): Promise<Fresh> {
    const { rotator } = this;
    await this.#clean(rotator);
    const target = rotator.parseTarget({ providerAddress: 'live', credentialId: 'none' });
    const none = { credentialId: 'none', slot: 'none', value: this.mint() };
    const pending = { rotationId: newRotationId(OBJECT, new Date()), slot: '', current: none };
    const current = await rotator.set(target, pending, never());
    if (current === 'pending') throw new Error('http-api does not answer pending');
    this.#run?.ctx.transcript.secret('a key of the live service', current.value.reveal());
    return { input: { providerAddress: 'live', credentialId: current.credentialId }, current };
  }

  /** Past the relay, and whatever is wrong with it. */
  async authenticates(input: TargetInput, issued: Issued): Promise<boolean> {
    const rotator = this.#direct;
    if (rotator === undefined) throw new Error('the harness has not been started');
    try {
      await rotator.test(rotator.parseTarget(input), issued, never());
      return true;
    } catch (error) {
      if (error instanceof RotationError && error.code === 'CREDENTIAL_REJECTED') return false;
      throw error;
    }
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
    const id =
      faults?.add({ system: 'http-api', match: '^(?!GET)', action: { delayMs: 30_000, drop: 'before' } }) ?? '';
    return Promise.resolve(async () => faults?.remove(id));
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

  readonly badInputs: RotatorHarness['badInputs'] = [
    {
      why: 'another instance',
      input: { providerAddress: 'nope', credentialId: 'k' },
      paths: ['tags.ProviderAddress'],
    },
  ];
}
