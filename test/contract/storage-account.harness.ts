import { randomBytes } from 'node:crypto';
import { BlobServiceClient, RestError, StorageSharedKeyCredential } from '@azure/storage-blob';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { Issued, Rotator, TargetInput } from '../../src/rotation/ports.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { STORAGE_ROW } from '../../src/rotators/arm-key/rows/storage.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

const LIST = 'Microsoft.Storage/storageAccounts/listKeys/action';
const REGENERATE = 'Microsoft.Storage/storageAccounts/regenerateKey/action';
const ID =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/';
const ADDRESS = 'tags.ProviderAddress';

/** Storage keys over the sandbox's ARM, Blob and identity endpoints. */
class StorageAccountHarness implements RotatorHarness {
  readonly name = 'storage-account';
  #cloud: StorageCloud | undefined;
  #rotator: Rotator | undefined;
  #made = 0;

  get #running(): StorageCloud {
    if (this.#cloud === undefined) throw new Error('the storage-account harness has not been started');
    return this.#cloud;
  }

  get rotator(): Rotator {
    if (this.#rotator === undefined) throw new Error('the storage-account harness has not been started');
    return this.#rotator;
  }

  async start(): Promise<void> {
    this.#cloud = await startStorageCloud();
    this.#rotator = armKeyRotator(STORAGE_ROW, this.#cloud.deps);
  }

  async stop(): Promise<void> {
    await this.#cloud?.stop();
  }

  async fresh(): Promise<Fresh> {
    this.#made += 1;
    const { id, keys } = this.#running.arm.createAccount(`account${this.#made}`);
    return {
      input: { providerAddress: id, credentialId: 'key1' },
      current: { credentialId: 'key1', slot: 'key1', value: new SecretValue(keys.key1) },
    };
  }

  /** Another call than the one the rotator makes. */
  async authenticates(input: TargetInput, issued: Issued): Promise<boolean> {
    const account = accountOf(input);
    const credential = new StorageSharedKeyCredential(account, issued.value.reveal());
    try {
      await new BlobServiceClient(this.#running.blob.url(account), credential).getAccountInfo();
      return true;
    } catch (error) {
      if (error instanceof RestError && error.code === 'AuthenticationFailed') return false;
      throw error;
    }
  }

  mint(): SecretValue {
    return new SecretValue(randomBytes(64).toString('base64'));
  }

  async fault(kind: Fault, input: TargetInput): Promise<() => Promise<void>> {
    const { arm } = this.#running;
    const scope = input.providerAddress;
    switch (kind) {
      case 'denied':
        return all(arm.deny(LIST, scope), arm.deny(REGENERATE, scope));
      case 'absent':
        return all(arm.accounts.remove(accountOf(input)));
      case 'throttled':
        return all(arm.throttle(scope, 7));
      case 'unavailable':
        return this.#wire(input, {
          status: 503,
          body: { error: { code: 'ServerBusy', message: 'The server is busy.' } },
        });
      case 'timeout':
        // Longer than any caller waits; then nothing is done, so that no later test meets its effect.
        return this.#wire(input, { delayMs: 30_000, drop: 'before' });
    }
  }

  /** On the call that changes something and on the data plane: reading the keys goes on working. */
  #wire(
    input: TargetInput,
    action: Parameters<StorageCloud['ctx']['faults']['add']>[0]['action'],
  ): () => Promise<void> {
    const { faults } = this.#running.ctx;
    const account = accountOf(input);
    const ids = [
      faults.add({ system: 'arm', match: `/storageAccounts/${account}/regenerateKey$`, action }),
      faults.add({ system: 'blob', match: `^GET ${account}/\\?restype=service`, action }),
    ];
    return all(() => ids.forEach((id) => faults.remove(id)));
  }

  readonly faultCodes = {
    denied: { code: 'ACCESS_DENIED', effect: 'none' },
    absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
    throttled: { code: 'THROTTLED', effect: 'none' },
    unavailable: { code: 'UNAVAILABLE', effect: 'unknown' },
    timeout: { code: 'TIMED_OUT', effect: 'unknown' },
  } as const;

  async written(): Promise<string> {
    return JSON.stringify(this.#running.ctx.traffic.entries);
  }

  readonly badInputs: RotatorHarness['badInputs'] = [
    bad('everything at once', { providerAddress: 'orders', credentialId: 'key3', alternateCredentialId: 'x' }, [
      ADDRESS,
      'tags.CredentialId',
      'tags.AlternateCredentialId',
    ]),
    bad('another type of resource', { providerAddress: `${ID}a`.replace('.Storage', '.Cache') }, [ADDRESS]),
    bad('a child of the account', { providerAddress: `${ID}orders/blobServices` }, [ADDRESS]),
    bad('a host name instead of an id', { providerAddress: 'orders.blob.core.windows.net' }, [ADDRESS]),
    bad('a subscription that is no GUID', { providerAddress: `${ID}orders`.replace(/0000-/, '') }, [ADDRESS]),
    bad('a group that climbs', { providerAddress: `${ID}orders`.replace('/rg/', '/../') }, [ADDRESS]),
    bad('a group with a query', { providerAddress: `${ID}orders`.replace('/rg/', '/rg?a=b/') }, [ADDRESS]),
    bad('an account name that is none', { providerAddress: `${ID}My_Account` }, [ADDRESS]),
    bad('a name with a host in it', { providerAddress: `${ID}a.evil.example` }, [ADDRESS]),
    bad('a Kerberos key', { credentialId: 'kerb1' }, ['tags.CredentialId']),
    bad('no key', { credentialId: '' }, ['tags.CredentialId']),
    bad('the same key twice', { alternateCredentialId: 'KEY1' }, ['tags.AlternateCredentialId']),
  ];
}

function bad(why: string, input: Partial<TargetInput>, paths: readonly string[]): RotatorHarness['badInputs'][number] {
  return { why, input: { providerAddress: `${ID}orders`, credentialId: 'key1', ...input }, paths };
}

function accountOf(input: TargetInput): string {
  return input.providerAddress.split('/').at(-1)?.toLowerCase() ?? '';
}

function all(...mends: readonly (() => void)[]): () => Promise<void> {
  return async () => {
    for (const mend of mends) mend();
  };
}

export function storageAccountHarness(): RotatorHarness {
  return new StorageAccountHarness();
}
