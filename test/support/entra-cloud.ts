import { DefaultAzureCredential } from '@azure/identity';
import type { SandboxContext } from '../../sandbox/context.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startGraph, type GraphService } from '../../sandbox/graph/graph.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import type { Clock } from '../../src/rotation/ports.ts';
import type { EntraAppSecretDeps } from '../../src/rotators/entra-app-secret/rotator.ts';
import { setEnvironment } from './storage-cloud.ts';

/** Identity, Graph and the token endpoint of the sandbox, reached from this process with an unmodified DefaultAzureCredential. */
export interface EntraCloud {
  readonly ctx: SandboxContext;
  readonly identity: IdentityService;
  readonly graph: GraphService;
  /** What the composition root would pass, but for the clock: whoever waits by it moves the sandbox's time instead. */
  readonly deps: EntraAppSecretDeps;
  stop(): Promise<void>;
}

export async function startEntraCloud(): Promise<EntraCloud> {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  const identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * 24 * 3600_000 });
  const restoreEnv = setEnvironment(identity.env);
  const graph = await startGraph(run.ctx, { identity });
  const credential = new DefaultAzureCredential();
  return {
    ctx: run.ctx,
    identity,
    graph,
    deps: {
      credential: () => Promise.resolve(credential),
      graphEndpoint: graph.origin,
      loginEndpoint: graph.loginOrigin,
      clock: impatient(run.ctx),
    },
    async stop() {
      await Promise.all([graph.stop(), identity.stop()]);
      restoreEnv();
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}

/** Nobody waits by this clock: the time is moved on by as much as was to be waited, and is over at once. */
function impatient({ clock }: SandboxContext): Clock {
  return {
    now: () => clock.now(),
    after(ms, callback) {
      let cancelled = false;
      setImmediate(() => {
        if (cancelled) return;
        clock.advance(ms);
        callback();
      });
      return () => {
        cancelled = true;
      };
    },
  };
}
