import { randomBytes } from 'node:crypto';
import { BlobServiceClient, ContainerClient, RestError } from '@azure/storage-blob';
import { startArm } from '../../sandbox/arm/arm.ts';
import { startBlob } from '../../sandbox/blob/blob.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import { SecretValue, type Rotator, type TargetInput } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { sasTokenRotator } from '../../src/rotators/sas-token/rotator.ts';
import { sign } from '../../src/rotators/sas-token/sign.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import { credentialOf } from '../support/credential.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';

type Stage = Awaited<ReturnType<typeof startStage>>;
type Action = { readonly status: number } | { readonly delayMs: number };

const YEAR_MS = 365 * 86_400_000;

/** Storage accounts, and a vault of its own that holds their keys. */
async function startStage() {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 10 * YEAR_MS });
  const arm = await startArm(run.ctx, { identity });
  const blob = await startBlob(run.ctx, { accounts: arm.accounts });
  const vault = await startVault(run.ctx, { identity, rateLimit: false });
  const port = createVault({ credential: () => Promise.resolve(credentialOf(identity)) });
  const rotator = sasTokenRotator({
    serves: (host) => host === vault.url('kv2'),
    read: (source, call) => port.current(source, call),
    parseValue,
    storageSuffix: blob.suffix,
  });
  return {
    ctx: run.ctx,
    ...{ arm, blob, vault, rotator },
    async stop() {
      await Promise.all([vault.stop(), blob.stop(), arm.stop(), identity.stop()]);
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}

/** The vault refuses and fails for every verb that reads the key; the Blob service fails for the test. */
export function sasTokenHarness(rights = 'ss=b&srt=sco&sp=rl'): RotatorHarness {
  let stage: Stage | undefined;
  let made = 0;
  const on = (): Stage => {
    if (stage === undefined) throw new Error('the sas-token harness has not been started');
    return stage;
  };
  const deny = (source: string, kind: 'ForbiddenByRbac' | 'Throttled') => {
    on().vault.setAccess('kv2', [{ deny: kind, actions: ['get'], secrets: [source] }]);
    return () => on().vault.setAccess('kv2', 'allow');
  };
  const faults: Record<Fault, (input: TargetInput) => () => unknown> = {
    denied: (input) => deny(sourceOf(input), 'ForbiddenByRbac'),
    throttled: (input) => deny(sourceOf(input), 'Throttled'),
    absent: (input) => {
      on().vault.remove('kv2', sourceOf(input));
      return () => undefined;
    },
    unavailable: (input) => broken(on(), input, { status: 503 }),
    timeout: (input) => broken(on(), input, { delayMs: 60_000 }),
  };
  return {
    name: `sas-token ${rights}`,
    get rotator(): Rotator {
      return on().rotator;
    },
    async start() {
      stage = await startStage();
    },
    stop: () => on().stop(),
    async fresh() {
      const { arm, vault, rotator } = on();
      made += 1;
      const account = arm.createAccount(`tokens${made}`);
      const source = `source-${made}`;
      vault.seed('kv2', source, {
        value: account.keys.key1,
        tags: { CredentialId: 'key1', ProviderAddress: account.id },
      });
      const providerAddress = `${vault.url('kv2')}/secrets/${source}?account=tokens${made}&${rights}`;
      const input = { credentialId: '', providerAddress };
      const { config } = rotator.parseTarget(input);
      const value = await sign(config, new SecretValue(account.keys.key1), new Date(Date.now() + YEAR_MS));
      return { input, current: { credentialId: '', slot: '', value } };
    },
    /** Another call than the one that the rotator makes, with the service's own client. */
    async authenticates(input, { value }) {
      const { blob } = on();
      const url = new URL(`${blob.url(queryOf(input).get('account') ?? '')}/`);
      url.search = value.reveal();
      const container = queryOf(input).get('container');
      try {
        if (container === null) await new BlobServiceClient(url.href).listContainers().next();
        else {
          url.pathname = container;
          await new ContainerClient(url.href).listBlobsFlat().next();
        }
        return true;
      } catch (error) {
        if (error instanceof RestError && (error.statusCode === 403 || error.statusCode === 401)) return false;
        throw error;
      }
    },
    mint: () => new SecretValue(`sv=2022-11-02&sig=${randomBytes(32).toString('hex')}`),
    fault: (kind, input) => {
      const mend = faults[kind](input);
      return Promise.resolve(() => Promise.resolve(void mend()));
    },
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'none' },
      timeout: { code: 'TIMED_OUT', effect: 'none' },
    },
    written: () => Promise.resolve(JSON.stringify(on().ctx.traffic.entries)),
    get badInputs() {
      return BAD.map(([why, address, paths]) => ({
        why,
        input: { credentialId: '', providerAddress: address.replace('<vault>', on().vault.url('kv2')) },
        paths: paths.map((path) => `tags.ProviderAddress${path}`),
      }));
    },
  };
}

const GOOD = '<vault>/secrets/key?account=orders&';
/** Why, the address, and what of it is named. */
const BAD: readonly (readonly [string, string, readonly string[]])[] = [
  ['no source', 'x', ['', '?account', '?ss', '?srt', '?sp']],
  ['a version', `https://kv.vault.azure.net/secrets/x/01?account=orders&ss=b&srt=o&sp=r`, ['']],
  ['a vault that is not served', 'https://evil.example/secrets/x?account=orders&ss=b&srt=o&sp=r', ['']],
  ['a host for an account', '<vault>/secrets/key?account=evil.example%2F&ss=b&srt=o&sp=r', ['?account']],
  ['a service that is none', `${GOOD}ss=bx&srt=o&sp=r`, ['?ss']],
  ['a resource type that is none', `${GOOD}ss=b&srt=oo&sp=r`, ['?srt']],
  ['a right that is none', `${GOOD}ss=b&srt=o&sp=rz`, ['?sp']],
  ['a right of accounts for a container', `${GOOD}container=c01&sp=ru`, ['?sp']],
  ['a blob without a container', `${GOOD}blob=b&sp=r`, ['?container']],
  ['a blob that climbs', `${GOOD}container=c01&blob=a%2F..%2Fb&sp=r`, ['?blob']],
  ['a blob with a line break', `${GOOD}container=c01&blob=a%0Ab&sp=r`, ['?blob']],
  ['services for a container', `${GOOD}container=c01&ss=b&sp=r`, ['?ss']],
  ['a container that is none', `${GOOD}container=A%2Fb&sp=r`, ['?container']],
  ['http', `${GOOD}ss=b&srt=o&sp=r&spr=https,http`, ['?spr']],
  ['an address that is none', `${GOOD}ss=b&srt=o&sp=r&sip=10.0.0.256`, ['?sip']],
  ['an address that may be octal', `${GOOD}ss=b&srt=o&sp=r&sip=10.0.0.01`, ['?sip']],
  ['a range that ends before it begins', `${GOOD}ss=b&srt=o&sp=r&sip=10.0.0.9-10.0.0.1`, ['?sip']],
  ['a parameter of Keyturn’s', `${GOOD}ss=b&srt=o&sp=r&se=2030-01-01`, ['?se']],
  ['a parameter twice', `${GOOD}ss=b&srt=o&sp=r&sp=w`, ['?sp']],
];

function queryOf({ providerAddress }: TargetInput): URLSearchParams {
  return new URL(providerAddress).searchParams;
}

function sourceOf({ providerAddress }: TargetInput): string {
  return new URL(providerAddress).pathname.split('/').at(-1) ?? '';
}

function broken({ ctx }: Stage, input: TargetInput, action: Action): () => void {
  const ids = [
    ctx.faults.add({ system: 'vault', match: `^GET /secrets/${sourceOf(input)}(?:/|$)`, action }),
    ctx.faults.add({
      system: 'blob',
      match: `^GET ${queryOf(input).get('account') ?? ''}/.*(?:properties|list)`,
      action,
    }),
  ];
  return () => ids.forEach((id) => ctx.faults.remove(id));
}
