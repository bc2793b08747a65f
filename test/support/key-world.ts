import { randomUUID } from 'node:crypto';
import { startArm, type ArmService } from '../../sandbox/arm/arm.ts';
import { startAzurite } from '../../sandbox/azurite/azurite.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type VaultService } from '../../sandbox/vault/vault.ts';
import { createKeyUsers } from '../../src/consumers/key-users/users.ts';
import type { Engine } from '../../src/rotation/engine.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { createJournal } from '../../src/state/tables.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import { createKeys } from '../../src/vault/keys.ts';
import { credentialOf } from './credential.ts';
import type { KeySetting } from './key-stage.ts';
import { TestClock } from './test-clock.ts';
import { DAY, TABLE } from './world-parts.ts';
import { WireKeyStage } from './wire-key-stage.ts';

/** A vault, ARM and a journal that outlive every process, over the wire with the real adapters. */
export interface KeyWorld {
  stage(setting?: KeySetting): WireKeyStage;
  stop(): Promise<void>;
}

/** What the stages of a world share. */
export interface KeyParts {
  readonly vault: VaultService;
  readonly arm: ArmService;
  readonly clock: TestClock;
  readonly connectionString: string;
  readonly advance: (ms: number) => void;
  readonly ports: Pick<Engine, 'vault' | 'keys' | 'keyUsers' | 'journal'>;
  /** Requests that change something, at the vault and at ARM, so far. */
  readonly changes: (part: string) => number;
}

export async function startKeyWorld(): Promise<KeyWorld> {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  // The suite lives through years, and the SDK goes by its own clock: a token must not end in between.
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * DAY });
  const vault = await startVault(run.ctx, { identity, rateLimit: false, cryptography: false });
  const arm = await startArm(run.ctx, { identity });
  arm.attachKeys(vault.keys);
  const azurite = await startAzurite(run.ctx, { identity });
  const clock = new TestClock(run.ctx.clock);
  const credential = credentialOf(identity);
  const deps = { credential: () => Promise.resolve(credential) };
  const connectionString = new SecretValue(azurite.connectionString);
  const parts: KeyParts = {
    vault,
    arm,
    clock,
    connectionString: azurite.connectionString,
    advance: (ms) => run.ctx.clock.advance(ms),
    ports: {
      vault: createVault(deps),
      keys: createKeys(deps),
      keyUsers: createKeyUsers({ ...deps, armEndpoint: arm.origin, clock }),
      journal: createJournal({ table: TABLE, connectionString, ...deps }),
    },
    changes: (part) =>
      run.ctx.traffic.entries.filter(
        ({ system, operation }) =>
          (system === 'vault' || system === 'arm') && !operation.startsWith('GET') && operation.includes(part),
      ).length,
  };
  return {
    stage: (setting = {}) => new WireKeyStage(parts, `k-${randomUUID()}`, setting),
    async stop() {
      await Promise.all([azurite.stop(), arm.stop(), vault.stop(), identity.stop()]);
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}
