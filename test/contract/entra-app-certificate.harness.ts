import { randomBytes } from 'node:crypto';
import type { Application } from '../../sandbox/graph/applications.ts';
import type { CertificatePolicy } from '../../sandbox/vault/certificates/certificates.ts';
import { SecretValue, type Rotator } from '../../src/rotation/ports.ts';
import { entraAppCertificateRotator } from '../../src/rotators/entra-app-certificate/rotator.ts';
import { SOURCES, startEntraCertificateCloud, type EntraCertificateCloud } from '../support/entra-certificate-cloud.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';

const OBJECT_ID = '0a1b2c3d-0000-4000-8000-000000000001';
const KEY_ID = '0a1b2c3d-0000-4000-8000-000000000002';
const ADDRESS = 'tags.ProviderAddress';
const YEAR_MS = 365 * 86_400_000;

export interface Variant {
  /** Who must be able to log in: whichever replica they meet, or that the certificate is registered is enough. */
  readonly readers: 'any' | 'all';
  readonly contentType: CertificatePolicy['secret_props']['contentType'];
  /** The vault has renewed the certificate by itself; otherwise the rotation has it renewed. */
  readonly renewed: boolean;
}

/** Certificates over the sandbox's vault, Graph and token endpoint; a new one takes its time to be made and to be known. */
export function entraAppCertificateHarness({ readers, contentType, renewed }: Variant): RotatorHarness {
  let cloud: EntraCertificateCloud | undefined;
  let rotator: Rotator | undefined;
  let made = 0;
  const on = (): EntraCertificateCloud => {
    if (cloud === undefined) throw new Error('the entra-app-certificate harness has not been started');
    return cloud;
  };
  const appOf = ({ providerAddress }: { readonly providerAddress: string }): Application => {
    const app = on().graph.applications.byObjectId(providerAddress.split('?')[0] ?? '');
    if (app === undefined) throw new Error(`there is no application ${providerAddress}`);
    return app;
  };
  /** On the calls that change something and on the log-in: reading goes on working. */
  const wire = (app: Application, action: Parameters<EntraCertificateCloud['ctx']['faults']['add']>[0]['action']) => {
    const { faults } = on().ctx;
    const ids = [
      faults.add({ system: 'graph', match: `^POST /v1.0/applications/${app.id}/`, action }),
      faults.add({ system: 'login', match: ` ${app.appId}$`, action }),
    ];
    return () => ids.forEach((id) => faults.remove(id));
  };
  const unavailable = { error: { code: 'serviceNotAvailable', message: 'The service is temporarily unavailable.' } };
  const faults: Record<Fault, (app: Application) => () => void> = {
    denied: (app) => on().graph.deny(app),
    absent: (app) => on().graph.applications.remove(app),
    throttled: (app) => on().graph.throttle(app, 7),
    unavailable: (app) => wire(app, { status: 503, body: unavailable }),
    // Longer than any caller waits; then nothing is done, so that no later test meets its effect.
    timeout: (app) => wire(app, { delayMs: 30_000, drop: 'before' }),
  };
  return {
    name: `entra-app-certificate (${contentType.split('/')[1] ?? ''}, ${renewed ? 'renewed by the vault' : 'renewed by the rotation'})`,
    get rotator(): Rotator {
      if (rotator === undefined) throw new Error('the entra-app-certificate harness has not been started');
      return rotator;
    },
    async start() {
      cloud = await startEntraCertificateCloud();
      cloud.vault.certificates.operationMs = 4_000;
      rotator = entraAppCertificateRotator(cloud.certificateDeps);
    },
    async stop() {
      await cloud?.stop();
    },
    async fresh() {
      made += 1;
      const { vault, graph } = on();
      const name = `app${made}`;
      const { app } = graph.createApplication(name);
      // Longer than the suites let their clocks run.
      const policy = { secret_props: { contentType }, x509_props: { validity_months: 120 } };
      const { der } = await vault.certificates.seed(SOURCES, name, policy);
      const value = vault.certificates.content(SOURCES, name);
      const { keyId } = graph.applications.register(app, der, { name: 'made by hand', agoMs: YEAR_MS });
      if (renewed) await vault.certificates.seed(SOURCES, name);
      return {
        input: {
          providerAddress: `${app.id}?certificate=${vault.certificates.url(SOURCES, name)}`,
          credentialId: keyId,
        },
        current: { credentialId: keyId, slot: keyId, value: new SecretValue(value) },
      };
    },
    authenticates(input, { credentialId, value }) {
      const { vault, graph } = on();
      const key = appOf(input).keys.find(({ keyId }) => keyId === credentialId);
      const name = input.providerAddress.split('/').at(-1) ?? '';
      const held = vault.certificates
        .peek(SOURCES, name)
        .find(({ id }) => vault.certificates.content(SOURCES, name, id) === value.reveal());
      const same = key !== undefined && held !== undefined && key.certificate.raw.equals(held.der);
      return Promise.resolve(same && graph.applications.knows(key, readers === 'any' ? 0 : 1));
    },
    mint: () => new SecretValue(randomBytes(30).toString('base64')),
    fault(kind, input) {
      const mend = faults[kind](appOf(input));
      return Promise.resolve(() => {
        mend();
        return Promise.resolve();
      });
    },
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    written: () => Promise.resolve(JSON.stringify(on().ctx.traffic.entries)),
    badInputs: [
      bad('everything at once', { providerAddress: 'orders', credentialId: 'key1', alternateCredentialId: KEY_ID }, [
        ADDRESS,
        'tags.CredentialId',
        'tags.AlternateCredentialId',
      ]),
      bad('no address', { providerAddress: '' }, [ADDRESS]),
      bad('no certificate', { providerAddress: OBJECT_ID }, [ADDRESS]),
      bad('an empty certificate', { providerAddress: `${OBJECT_ID}?certificate=` }, [ADDRESS]),
      bad('a service principal', { providerAddress: `servicePrincipals/${GOOD}` }, [ADDRESS]),
      bad('a secret instead', { providerAddress: GOOD.replace('certificates', 'secrets') }, [ADDRESS]),
      bad('a version', { providerAddress: `${GOOD}/0123456789abcdef` }, [ADDRESS]),
      bad('no TLS', { providerAddress: GOOD.replace('https', 'http') }, [ADDRESS]),
      bad('a log-in in the URL', { providerAddress: GOOD.replace('https://', 'https://a:b@') }, [ADDRESS]),
      bad('another vault', { providerAddress: `${OBJECT_ID}?certificate=https://evil.example/certificates/x` }, [
        ADDRESS,
      ]),
      bad('a client id that closes the quotes', { providerAddress: `appId=${OBJECT_ID}')/x('?certificate=x` }, [
        ADDRESS,
      ]),
      bad('a second key id', { alternateCredentialId: OBJECT_ID }, [ADDRESS, 'tags.AlternateCredentialId']),
    ],
  };
}

/** Its vault is not served. */
const GOOD = `${OBJECT_ID}?certificate=https://kv.vault.azure.net/certificates/x`;

function bad(
  why: string,
  input: Partial<RotatorHarness['badInputs'][number]['input']>,
  paths: readonly string[],
): RotatorHarness['badInputs'][number] {
  return { why, input: { providerAddress: GOOD, credentialId: KEY_ID, ...input }, paths };
}
