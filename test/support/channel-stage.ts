import { installSandboxDns } from '../../sandbox/dns.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import { startReceiver, type ReceiverFormat, type ReceiverService } from '../../sandbox/receiver/receiver.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault, type VaultService } from '../../sandbox/vault/vault.ts';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelDeps } from '../../src/channels/consumer.ts';
import type { Call, ObjectRef } from '../../src/rotation/ports.ts';
import { createVault } from '../../src/vault/key-vault.ts';
import { createSigningKeys } from '../../src/vault/signing-keys.ts';
import { credentialOf } from './credential.ts';
import { TestClock } from './test-clock.ts';
import { DAY } from './world-parts.ts';

/** A receiver and a vault on the wire, and one channel of each format with its secrets. */
export interface ChannelStage {
  readonly ctx: SandboxContext;
  readonly clock: TestClock;
  readonly vault: VaultService;
  readonly receiver: ReceiverService;
  readonly channels: Readonly<Record<ReceiverFormat, Channel>>;
  readonly deps: ChannelDeps;
  readonly secret: (name: string) => ObjectRef;
  readonly call: (signal?: AbortSignal) => Call;
  stop(): Promise<void>;
}

export async function startChannelStage(): Promise<ChannelStage> {
  const run = await createRun();
  const { ctx } = run;
  const restore = [installSandboxDns(), trustSandbox(ctx.pki)];
  const identity = await startIdentity(ctx, { tokenLifetimeMs: 3650 * DAY });
  const vault = await startVault(ctx, { identity, rateLimit: false });
  const receiver = await startReceiver(ctx);
  const clock = new TestClock(ctx.clock);
  const secret = (name: string): ObjectRef => ({ kind: 'secret', vault: vault.url('kv'), name });
  const seeded = (name: string, value: string): ObjectRef => {
    vault.seed('kv', name, { value });
    return secret(name);
  };
  const base = { objects: ['*'], events: ['versions', 'notices'], allowPrivate: true } as const;
  const channels: ChannelStage['channels'] = {
    webhook: {
      ...{ ...base, name: 'inventory', format: 'webhook', advisory: false, address: { url: receiver.url('webhook') } },
      signingKey: seeded('receiver-key', receiver.keys[0] ?? ''),
    },
    teams: {
      ...{ ...base, name: 'platform', format: 'teams', advisory: true },
      address: { secret: seeded('teams-address', receiver.url('teams')) },
    },
    slack: {
      ...{ ...base, name: 'ops', format: 'slack', advisory: true },
      address: { secret: seeded('slack-address', receiver.url('slack')) },
    },
  };
  const credential = (): Promise<ReturnType<typeof credentialOf>> => Promise.resolve(credentialOf(identity));
  const port = createVault({ credential });
  return {
    ...{ ctx, clock, vault, receiver, channels, secret },
    deps: {
      channels: Object.values(channels),
      allows: (host) => host === receiver.host,
      secret: async (object, call) => (await port.current(object, call)).value,
      signingKeys: createSigningKeys({ vault: port, credential, overlapMs: DAY }),
      clock,
    },
    call: (signal = new AbortController().signal) => ({ signal, now: () => ctx.clock.now() }),
    async stop() {
      await Promise.all([receiver.stop(), vault.stop(), identity.stop()]);
      for (const one of restore.reverse()) one();
      run.dispose();
    },
  };
}
