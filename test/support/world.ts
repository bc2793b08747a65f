import { startAzurite } from '../../sandbox/azurite/azurite.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import { createJournal } from '../../src/state/tables.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import type { RotatorHarness } from '../contract/rotator-harness.ts';
import { credentialOf } from './credential.ts';
import { Scene } from './scene.ts';
import { TestClock } from './test-clock.ts';
import { DAY, TABLE, type Parts } from './world-parts.ts';

/** A vault and a journal that outlive every process, over the wire with the real adapters. */
export interface World {
  /** @param how.harness another system than the one that the world was started for */
  scene(how?: { readonly trigger?: 'near-expiry' | 'compromised'; readonly harness?: RotatorHarness }): Promise<Scene>;
  stop(): Promise<void>;
}

export async function startWorld(harness: RotatorHarness): Promise<World> {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  // The suite lives through years, and the SDK goes by its own clock: a token must not end in between.
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * DAY });
  const vault = await startVault(run.ctx, { identity, rateLimit: false });
  const azurite = await startAzurite(run.ctx, { identity });
  const clock = new TestClock(run.ctx.clock);
  const credential = credentialOf(identity);
  const parts: Parts = {
    harness,
    vault,
    azurite,
    clock,
    advance: (ms) => run.ctx.clock.advance(ms),
    vaultPort: createVault({ credential: () => Promise.resolve(credential) }),
    journal: createJournal({
      table: TABLE,
      connectionString: new SecretValue(azurite.connectionString),
      credential: () => Promise.resolve(credential),
    }),
  };
  return {
    scene: ({ trigger = 'near-expiry', harness: other = harness } = {}) =>
      Scene.set({ ...parts, harness: other }, trigger),
    async stop() {
      await Promise.all([azurite.stop(), vault.stop(), identity.stop()]);
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}
