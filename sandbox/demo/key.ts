/** A key of the vault, and three resources that encrypt with it: the part of `npm run demo -- --all` that has no secret. */
import { randomBytes } from 'node:crypto';
import { DefaultAzureCredential } from '@azure/identity';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';
import type { Sandbox } from '../sandbox.ts';
import { READER, type DemoObject, type Held } from './objects.ts';

const NAME = 'data-key';
const ALGORITHM = 'RSA-OAEP-256';
const DAY_MS = 24 * 3600_000;
/** Half a day before the vault warns of its end. */
const AGE_MS = 59.5 * DAY_MS;

/**
 * A key of 90 days, of which two thirds are over: one that is younger than half its life is not rotated. To be called before
 * anybody hears of the vault's events. Its rotation policy only warns, so that the vault leaves the rotation to the app. A storage
 * account and a disk encryption set pin the version, a registry follows by itself.
 */
export function seedVaultKey({ arm, ctx, vault }: Sandbox): DemoObject {
  const { id: account } = arm.createAccount('demofiles');
  const { id: disks } = arm.create('Microsoft.Compute/diskEncryptionSets/{name}', { name: 'demodisks' });
  const { id: registry } = arm.create('Microsoft.ContainerRegistry/registries/{name}', { name: 'demoimages' });
  const users = [account, disks, registry];
  const first = vault.keys.seed('kv', NAME, {
    expiresInMs: 90 * DAY_MS,
    tags: { Rotator: 'vault-key', KeyUser: account, KeyUser1: disks, KeyUser2: registry, ValidityPeriodDays: '60' },
    policy: {
      lifetimeActions: [{ trigger: { timeBeforeExpiry: 'P30D' }, action: { type: 'Notify' } }],
      attributes: {},
    },
  });
  const url = vault.keys.url('kv', NAME);
  for (const id of [account, disks]) arm.encrypt(id, `${url}/${first.id}`);
  arm.encrypt(registry, url);
  ctx.clock.advance(AGE_MS);

  const wrapper = new Wrapper(vault.url('kv'));
  const inUse = (): readonly string[] => users.map((id) => arm.encryptedWith(id) ?? '');
  return {
    name: NAME,
    rotator: 'vault-key',
    notRevoked: true,
    key: {
      users: users.length,
      areOnNewest: () => inUse().every((kid) => kid === `${url}/${vault.keys.peek('kv', NAME).at(-1)?.id ?? ''}`),
    },
    owns: ({ system, operation }) => system === 'arm' && /\/(?:demofiles|demodisks|demoimages)\b/.test(operation),
    read: () => wrapper.wrapWithNewest(),
    // What was wrapped is unwrapped with the version that wrapped it, and so is the data of each resource.
    async login(held) {
      await wrapper.unwrap(held);
      for (const kid of new Set(inUse())) await wrapper.unwrap(await wrapper.wrappedWith(kid));
    },
  };
}

/** The vault warns of its end. */
export function bringKeyNearExpiry({ ctx }: Sandbox): void {
  ctx.clock.advance(90 * DAY_MS - AGE_MS - 30 * DAY_MS + 60_000);
}

/** Keeps data keys as a service does: wrapped by the vault, with the id of the version beside them. */
class Wrapper {
  readonly #options = { userAgentOptions: { userAgentPrefix: READER } };
  readonly #credential = new DefaultAzureCredential();
  readonly #keys: KeyClient;
  readonly #clients = new Map<string, CryptographyClient>();
  readonly #data = new Map<string, Buffer>();
  readonly #wrapped = new Map<string, Promise<Held>>();

  constructor(vault: string) {
    this.#keys = new KeyClient(vault, this.#credential, this.#options);
  }

  async wrapWithNewest(): Promise<Held> {
    const { id = '' } = await this.#keys.getKey(NAME);
    return this.#wrap(id);
  }

  /** One and the same data key for each version. */
  wrappedWith(kid: string): Promise<Held> {
    const wrapped = this.#wrapped.get(kid) ?? this.#wrap(kid);
    this.#wrapped.set(kid, wrapped);
    return wrapped;
  }

  /** @throws when the vault refuses, or another data key comes out */
  async unwrap({ credentialId, value }: Held): Promise<void> {
    const { result } = await this.#client(credentialId).unwrapKey(ALGORITHM, Buffer.from(value, 'base64'));
    if (this.#data.get(value)?.equals(result) !== true) throw new Error('the vault has unwrapped another data key');
  }

  async #wrap(kid: string): Promise<Held> {
    const data = randomBytes(32);
    const { result } = await this.#client(kid).wrapKey(ALGORITHM, data);
    const value = Buffer.from(result).toString('base64');
    this.#data.set(value, data);
    return { credentialId: kid, value };
  }

  #client(kid: string): CryptographyClient {
    const client = this.#clients.get(kid) ?? new CryptographyClient(kid, this.#credential, this.#options);
    this.#clients.set(kid, client);
    return client;
  }
}
