import { randomBytes } from 'node:crypto';
import type { Application } from '../../sandbox/graph/applications.ts';
import { SecretValue, type Issued, type Rotator, type TargetInput } from '../../src/rotation/ports.ts';
import { entraAppSecretRotator } from '../../src/rotators/entra-app-secret/rotator.ts';
import { startEntraCloud, type EntraCloud } from '../support/entra-cloud.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

const OBJECT_ID = '0a1b2c3d-0000-4000-8000-000000000001';
const KEY_ID = '0a1b2c3d-0000-4000-8000-000000000002';
const ADDRESS = 'tags.ProviderAddress';

/** Client secrets over the sandbox's Graph, token endpoint and identity; a new one takes its time to be known. */
class EntraAppSecretHarness implements RotatorHarness {
  readonly name = 'entra-app-secret';
  readonly #readers: 'any' | 'all';
  #cloud: EntraCloud | undefined;
  #rotator: Rotator | undefined;
  #made = 0;

  constructor(readers: 'any' | 'all') {
    this.#readers = readers;
  }

  get #running(): EntraCloud {
    if (this.#cloud === undefined) throw new Error('the entra-app-secret harness has not been started');
    return this.#cloud;
  }

  get rotator(): Rotator {
    if (this.#rotator === undefined) throw new Error('the entra-app-secret harness has not been started');
    return this.#rotator;
  }

  async start(): Promise<void> {
    this.#cloud = await startEntraCloud();
    this.#rotator = entraAppSecretRotator(this.#cloud.deps);
  }

  async stop(): Promise<void> {
    await this.#cloud?.stop();
  }

  async fresh(): Promise<Fresh> {
    this.#made += 1;
    const { app, secret } = this.#running.graph.createApplication(`app${this.#made}`);
    return {
      input: { providerAddress: app.id, credentialId: secret.keyId },
      current: { credentialId: secret.keyId, slot: secret.keyId, value: new SecretValue(secret.text) },
    };
  }

  async authenticates(input: TargetInput, issued: Issued): Promise<boolean> {
    const { applications } = this.#running.graph;
    return applications.verdict(this.#app(input), issued.value.reveal(), this.#readers === 'any' ? 0 : 1) === 'valid';
  }

  mint(): SecretValue {
    return new SecretValue(randomBytes(30).toString('base64'));
  }

  async fault(kind: Fault, input: TargetInput): Promise<() => Promise<void>> {
    const { graph } = this.#running;
    const app = this.#app(input);
    switch (kind) {
      case 'denied':
        return later(graph.deny(app));
      case 'absent':
        return later(graph.applications.remove(app));
      case 'throttled':
        return later(graph.throttle(app, 7));
      case 'unavailable': {
        const error = { code: 'serviceNotAvailable', message: 'The service is temporarily unavailable.' };
        return this.#wire(app, { status: 503, body: { error } });
      }
      case 'timeout':
        // Longer than any caller waits; then nothing is done, so that no later test meets its effect.
        return this.#wire(app, { delayMs: 30_000, drop: 'before' });
    }
  }

  /** On the calls that change something and on the log-in: reading goes on working. */
  #wire(app: Application, action: Parameters<EntraCloud['ctx']['faults']['add']>[0]['action']): () => Promise<void> {
    const { faults } = this.#running.ctx;
    const ids = [
      faults.add({ system: 'graph', match: `^POST /v1.0/applications/${app.id}/`, action }),
      faults.add({ system: 'login', match: ` ${app.appId}$`, action }),
    ];
    return later(() => ids.forEach((id) => faults.remove(id)));
  }

  #app({ providerAddress }: TargetInput): Application {
    const app = this.#running.graph.applications.byObjectId(providerAddress);
    if (app === undefined) throw new Error(`there is no application ${providerAddress}`);
    return app;
  }

  readonly faultCodes = {
    denied: { code: 'ACCESS_DENIED', effect: 'none' },
    absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
    throttled: { code: 'THROTTLED', effect: 'none' },
    unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
    timeout: { code: 'TIMED_OUT', effect: 'unknown' },
  } as const;

  async written(): Promise<string> {
    return JSON.stringify(this.#running.ctx.traffic.entries);
  }

  readonly badInputs: RotatorHarness['badInputs'] = [
    bad('everything at once', { providerAddress: 'orders', credentialId: 'key1', alternateCredentialId: KEY_ID }, [
      ADDRESS,
      'tags.CredentialId',
      'tags.AlternateCredentialId',
    ]),
    bad('no address', { providerAddress: '' }, [ADDRESS]),
    bad('a service principal', { providerAddress: `servicePrincipals/${OBJECT_ID}` }, [ADDRESS]),
    bad('a path below the application', { providerAddress: `applications/${OBJECT_ID}/owners` }, [ADDRESS]),
    bad('a host before it', { providerAddress: `https://evil.example/applications/${OBJECT_ID}` }, [ADDRESS]),
    bad('a client id that closes the quotes', { providerAddress: `appId=${OBJECT_ID}')/x('` }, [ADDRESS]),
    bad('no key id', { credentialId: '' }, ['tags.CredentialId']),
    bad('a key id that is none', { credentialId: 'current' }, ['tags.CredentialId']),
    bad('a second key id', { alternateCredentialId: OBJECT_ID }, ['tags.AlternateCredentialId']),
  ];
}

function bad(why: string, input: Partial<TargetInput>, paths: readonly string[]): RotatorHarness['badInputs'][number] {
  return { why, input: { providerAddress: OBJECT_ID, credentialId: KEY_ID, ...input }, paths };
}

function later(mend: () => void): () => Promise<void> {
  return async () => mend();
}

/**
 * @param readers who must be able to log in: `all` of them, whichever replica they meet; or that a secret exists is enough,
 *   for tests that do not wait for it to be known
 */
export function entraAppSecretHarness(readers: 'any' | 'all'): RotatorHarness {
  return new EntraAppSecretHarness(readers);
}
