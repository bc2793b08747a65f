import { installSandboxDns } from '../../sandbox/dns.ts';
import { startProvider, type ProviderService } from '../../sandbox/http-api/http-api.ts';
import { PROVIDERS } from '../../sandbox/http-api/providers/index.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import {
  SecretValue,
  type Issued,
  type NamedSecrets,
  type Rotator,
  type TargetInput,
} from '../../src/rotation/ports.ts';
import type { HttpApiSetting } from '../../src/rotators/http-api/config.ts';
import { httpApiRotator } from '../../src/rotators/http-api/rotator.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

export const ADMINISTRATOR = { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'administrator' } as const;

/** What each description needs to be told, in the sandbox. */
const VARIABLES: Readonly<Record<string, HttpApiSetting['variables']>> = {
  sendgrid: { scopes: ['mail.send'] },
  'datadog-application-keys': { serviceAccountId: 'sa-1' },
  'cloudflare-user-tokens': { policies: [{ effect: 'allow', resources: {}, permission_groups: [{ id: 'p' }] }] },
  'cloudflare-account-tokens': { accountId: 'acc-1', policies: [{ effect: 'allow' }] },
  twilio: { accountSid: 'AC00000000000000000000000000000001', user: 'AC00000000000000000000000000000001' },
  'openai-service-accounts': { projectId: 'proj_1' },
  'grafana-service-account-tokens': { serviceAccountId: 2 },
  'newrelic-user-keys': { accountId: 1, userId: 7 },
  elasticsearch: { user: 'keyturn' },
  dynatrace: { scopes: ['metrics.read'] },
  'gitlab-project-tokens': { project: 'group/project', scopes: ['read_api'] },
  'gitlab-group-tokens': { group: 7, scopes: ['read_api'] },
};

export function variablesOf(description: string): HttpApiSetting['variables'] {
  return VARIABLES[description] ?? {};
}

/** One ready description over its simulated provider. */
export class HttpApiHarness implements RotatorHarness {
  readonly name: string;
  readonly patienceMs = 300;
  readonly #description: string;
  #stops: (() => void | Promise<void>)[] = [];
  #run: Run | undefined;
  #provider: ProviderService | undefined;
  #rotator: Rotator | undefined;

  constructor(description: string) {
    this.#description = description;
    this.name = `http-api, ${description}`;
  }

  get provider(): ProviderService {
    return started(this.#provider);
  }

  get rotator(): Rotator {
    return started(this.#rotator);
  }

  get run(): Run {
    return started(this.#run);
  }

  async start(): Promise<void> {
    const run = (this.#run = await createRun());
    this.#stops = [() => run.dispose(), installSandboxDns(), trustSandbox(run.ctx.pki)];
    const script = PROVIDERS.get(this.#description);
    if (script === undefined) throw new Error(`the sandbox cannot play ${this.#description}`);
    const provider = (this.#provider = await startProvider(run.ctx, script));
    this.#stops.push(() => provider.stop());
    const read = (): Promise<SecretValue> => Promise.resolve(new SecretValue(provider.administrator.stored));
    const secrets: NamedSecrets = { read, forget: () => undefined };
    this.#rotator = httpApiRotator({ secrets, instances: [this.instance()] });
  }

  instance(): HttpApiSetting {
    return {
      name: 'Main',
      description: this.#description,
      host: this.provider.host,
      secret: ADMINISTRATOR,
      variables: variablesOf(this.#description),
      allowPrivate: true,
    };
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop();
  }

  fresh(): Promise<Fresh> {
    this.provider.clear();
    this.provider.make("somebody else's");
    const { id, value } = this.provider.make('made by hand');
    return Promise.resolve({
      input: { providerAddress: 'main', credentialId: id },
      current: { credentialId: id, slot: id, value: new SecretValue(value) },
    });
  }

  authenticates(_input: TargetInput, issued: Issued): Promise<boolean> {
    return Promise.resolve(this.provider.accepts(issued.value.reveal()));
  }

  mint(): SecretValue {
    return new SecretValue('a-value-that-nobody-has-made');
  }

  fault(kind: Fault): Promise<() => Promise<void>> {
    if (kind !== 'timeout') {
      const mend = this.provider.fail(kind);
      return Promise.resolve(async () => mend());
    }
    const { faults } = this.run.ctx;
    // Longer than any caller waits; then nothing is done, so that no later test meets its effect.
    const id = faults.add({ system: 'http-api', match: '^POST', action: { delayMs: 30_000, drop: 'before' } });
    return Promise.resolve(async () => faults.remove(id));
  }

  readonly faultCodes = {
    denied: { code: 'ACCESS_DENIED', effect: 'none' },
    absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
    throttled: { code: 'THROTTLED', effect: 'none' },
    unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
    timeout: { code: 'TIMED_OUT', effect: 'unknown' },
  } as const;

  written(): Promise<string> {
    return Promise.resolve(JSON.stringify(this.run.ctx.traffic.entries));
  }

  readonly badInputs: RotatorHarness['badInputs'] = [
    bad('everything at once', { providerAddress: 'nope', credentialId: '..', alternateCredentialId: 'x' }, [
      'tags.ProviderAddress',
      'tags.CredentialId',
      'tags.AlternateCredentialId',
    ]),
    bad('an address where a name belongs', { providerAddress: 'https://evil.example' }, ['tags.ProviderAddress']),
    bad('an id with a space', { credentialId: 'a b' }, ['tags.CredentialId']),
  ];
}

function bad(why: string, input: Partial<TargetInput>, paths: readonly string[]): RotatorHarness['badInputs'][number] {
  return { why, input: { providerAddress: 'main', credentialId: 'k', ...input }, paths };
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the harness has not been started');
  return part;
}
