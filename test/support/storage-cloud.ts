import { DefaultAzureCredential } from '@azure/identity';
import { startArm } from '../../sandbox/arm/arm.ts';
import type { ArmService } from '../../sandbox/arm/arm.ts';
import { startBlob } from '../../sandbox/blob/blob.ts';
import type { BlobService } from '../../sandbox/blob/blob.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { startServices } from '../../sandbox/services.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import type { ArmKeyDeps } from '../../src/rotators/arm-key/rotator.ts';
import { TestClock } from './test-clock.ts';

/** Identity, ARM, Blob and the other data planes of the sandbox, reached from this process with an unmodified DefaultAzureCredential. */
export interface StorageCloud {
  readonly ctx: SandboxContext;
  readonly identity: IdentityService;
  readonly arm: ArmService;
  readonly blob: BlobService;
  /** What the composition root would pass. */
  readonly deps: ArmKeyDeps;
  stop(): Promise<void>;
}

export async function startStorageCloud(): Promise<StorageCloud> {
  const run = await createRun();
  const restoreDns = installSandboxDns();
  const restoreTrust = trustSandbox(run.ctx.pki);
  const identity = await startIdentity(run.ctx);
  const restoreEnv = setEnvironment(identity.env);
  const arm = await startArm(run.ctx, { identity });
  const blob = await startBlob(run.ctx, { accounts: arm.accounts });
  const services = await startServices(run.ctx, { resources: arm.resources });
  const credential = new DefaultAzureCredential();
  return {
    ctx: run.ctx,
    identity,
    arm,
    blob,
    deps: {
      credential: () => Promise.resolve(credential),
      armEndpoint: arm.origin,
      storageSuffix: blob.suffix,
      serviceSuffixes: services.suffixes,
      clock: new TestClock(run.ctx.clock),
    },
    async stop() {
      await Promise.all([arm.stop(), blob.stop(), services.stop(), identity.stop()]);
      restoreEnv();
      restoreTrust();
      restoreDns();
      run.dispose();
    },
  };
}

/** Sets the variables in this process; the returned function puts back what they were. */
export function setEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}
