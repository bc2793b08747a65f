import type { TokenCredential } from '@azure/core-auth';
import { DefaultAzureCredential } from '@azure/identity';
import { startAppConfiguration } from '../../sandbox/app-configuration/app-configuration.ts';
import { startArm, type ArmService } from '../../sandbox/arm/arm.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import type { DataPlane } from '../../sandbox/data-plane.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { startTlsFront, type TlsFront } from '../../sandbox/tls-front.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { createArmClient, type ArmClient } from '../../src/azure/arm/client.ts';
import type { Call } from '../../src/rotation/ports.ts';
import { CertificateVault } from './certificate-vault.ts';
import { issue } from './certificates.ts';
import { setEnvironment } from './storage-cloud.ts';
import { TestClock } from './test-clock.ts';

/** Identity, ARM with a vault of certificates behind it, and the TLS front of its services; reached with an unmodified credential. */
export interface ConsumerCloud {
  readonly ctx: SandboxContext;
  readonly identity: IdentityService;
  readonly arm: ArmService;
  readonly front: TlsFront;
  readonly vault: CertificateVault;
  readonly client: ArmClient;
  /** The data plane of App Configuration stores. */
  readonly configuration: DataPlane;
  readonly credential: () => Promise<TokenCredential>;
  readonly clock: TestClock;
  readonly call: (signal?: AbortSignal) => Call;
  stop(): Promise<void>;
}

export async function startConsumerCloud(): Promise<ConsumerCloud> {
  const run = await createRun();
  const { ctx } = run;
  const root = await issue({ names: ['Test root'], isAuthority: true });
  const restore = [installSandboxDns(), trustSandbox(ctx.pki), trustSandbox({ caPem: root.certPem })];
  const identity = await startIdentity(ctx);
  restore.push(setEnvironment(identity.env));
  const arm = await startArm(ctx, { identity });
  const vault = new CertificateVault(root, () => ctx.clock.now());
  // A certificate's secret has the same name and versions.
  arm.attachVault({ certificates: vault, secrets: vault });
  const front = await startTlsFront(ctx, { serves: (host) => arm.serves(host) });
  const configuration = await startAppConfiguration(ctx, { resources: arm.resources, entra: { identity, arm } });
  const own = new DefaultAzureCredential();
  const credential = () => Promise.resolve(own);
  const clock = new TestClock(ctx.clock);
  return {
    ...{ ctx, identity, arm, front, vault, clock, configuration, credential },
    client: createArmClient({ credential, armEndpoint: arm.origin, clock }),
    call: (signal = new AbortController().signal) => ({ signal, now: () => ctx.clock.now() }),
    async stop() {
      await Promise.all([configuration.stop(), front.stop(), arm.stop(), identity.stop()]);
      for (const one of restore.reverse()) one();
      run.dispose();
    },
  };
}
