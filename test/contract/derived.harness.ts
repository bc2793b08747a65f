import { randomUUID } from 'node:crypto';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue, type Rotator } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { derivedRotator } from '../../src/rotators/derived/rotator.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import { credentialOf } from '../support/credential.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';

type Stage = Awaited<ReturnType<typeof startStage>>;

/** A vault of its own that holds the sources. */
async function startStage() {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * 86_400_000 });
  const vault = await startVault(run.ctx, { identity, rateLimit: false });
  const port = createVault({ credential: () => Promise.resolve(credentialOf(identity)) });
  const rotator = derivedRotator({
    serves: (host) => host === vault.url('kv2'),
    read: (source, call) => port.current(source, call),
    parseValue,
  });
  return {
    ctx: run.ctx,
    vault,
    rotator,
    async stop() {
      await Promise.all([vault.stop(), identity.stop()]);
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}

export function derivedHarness(): RotatorHarness {
  let stage: Stage | undefined;
  const on = (): Stage => {
    if (stage === undefined) throw new Error('the derived harness has not been started');
    return stage;
  };
  const source = (address: string): string => address.split('/').at(-1) ?? '';
  const deny = (name: string, kind: 'ForbiddenByRbac' | 'Throttled') => {
    on().vault.setAccess('kv2', [{ deny: kind, actions: ['get'], secrets: [name] }]);
    return () => on().vault.setAccess('kv2', 'allow');
  };
  const faults: Record<Fault, (name: string) => () => unknown> = {
    denied: (name) => deny(name, 'ForbiddenByRbac'),
    throttled: (name) => deny(name, 'Throttled'),
    absent: (name) => {
      on().vault.remove('kv2', name);
      return () => undefined;
    },
    unavailable: (name) => broken(on(), name, { status: 503 }),
    timeout: (name) => broken(on(), name, { delayMs: 60_000 }),
  };
  return {
    name: 'derived',
    get rotator(): Rotator {
      return on().rotator;
    },
    async start() {
      stage = await startStage();
    },
    stop: () => on().stop(),
    fresh: () => {
      const name = `source-${randomUUID()}`;
      const value = mintPassword();
      const text = JSON.stringify({ user: 'app', password: value.reveal() });
      on().vault.seed('kv2', name, {
        value: text,
        tags: { CredentialId: 'app', ProviderAddress: 'db.example.com/app' },
      });
      return Promise.resolve({
        input: { credentialId: '', providerAddress: `${on().vault.url('kv2')}/secrets/${name}` },
        current: { credentialId: '', slot: '', value },
      });
    },
    authenticates: ({ providerAddress }, { value }) => {
      const text = on().vault.peek('kv2', source(providerAddress)).at(-1)?.value ?? '';
      return Promise.resolve(parseValue(new SecretValue(text)).secret.equals(value));
    },
    mint: () => mintPassword(),
    fault: (kind, { providerAddress }) => {
      const mend = faults[kind](source(providerAddress));
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
    badInputs: [
      'http://kv.vault.azure.net/secrets/x',
      'https://kv.vault.azure.net/secrets/x/0123',
      'https://kv.vault.azure.net/keys/x',
      'https://a:b@kv.vault.azure.net/secrets/x',
      'https://evil.example/secrets/x',
      'x',
    ].map((providerAddress) => ({
      why: providerAddress,
      input: { credentialId: '', providerAddress },
      paths: ['tags.ProviderAddress'],
    })),
  };
}

function broken({ ctx }: Stage, name: string, action: { status: number } | { delayMs: number }): () => void {
  const id = ctx.faults.add({ system: 'vault', match: `^GET /secrets/${name}`, action });
  return () => ctx.faults.remove(id);
}
