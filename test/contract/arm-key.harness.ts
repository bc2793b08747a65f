import { randomBytes } from 'node:crypto';
import { createAt, type Place } from '../../sandbox/arm/places.ts';
import type { Resource } from '../../sandbox/arm/resources.ts';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { Issued, Rotator, TargetInput } from '../../src/rotation/ports.ts';
import type { ArmKeyRow } from '../../src/rotators/arm-key/row.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { ARM_KEY_ROWS } from '../../src/rotators/arm-key/rows.ts';
import { startStorageCloud } from '../support/storage-cloud.ts';
import type { StorageCloud } from '../support/storage-cloud.ts';
import type { Fault, Fresh, RotatorHarness } from './rotator-harness.ts';

const GROUP = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/';
const ADDRESS = 'tags.ProviderAddress';

/** Names are never used twice. */
let made = 0;

/** Any row over the sandbox's ARM, data planes and identity. */
export class ArmKeyHarness implements RotatorHarness {
  readonly name: string;
  readonly patienceMs = 250;
  readonly row: ArmKeyRow;
  readonly #place: Place;
  readonly #shared: (() => StorageCloud) | undefined;
  #cloud: StorageCloud | undefined;
  #rotator: Rotator | undefined;

  /** @param shared a cloud that somebody else starts and stops: the identity SDK keeps its token for the whole process */
  constructor(place: Place, shared?: () => StorageCloud) {
    this.#place = place;
    this.#shared = shared;
    this.name = place.kind;
    this.row = rowOf(place.kind);
  }

  get cloud(): StorageCloud {
    if (this.#cloud === undefined) throw new Error(`the harness of ${this.name} has not been started`);
    return this.#cloud;
  }

  get rotator(): Rotator {
    if (this.#rotator === undefined) throw new Error(`the harness of ${this.name} has not been started`);
    return this.#rotator;
  }

  async start(): Promise<void> {
    this.#cloud = this.#shared?.() ?? (await startStorageCloud());
    this.#rotator = armKeyRotator(this.row, this.#cloud.deps);
  }

  async stop(): Promise<void> {
    if (this.#shared === undefined) await this.#cloud?.stop();
  }

  async fresh(): Promise<Fresh> {
    made += 1;
    const name = `${this.name.replaceAll('-', '').slice(0, 9)}${process.pid}n${made}`;
    const { providerAddress, credentialId, alternateCredentialId, key } = createAt(this.cloud.arm, this.#place, name);
    const input = {
      ...{ providerAddress, credentialId },
      ...(alternateCredentialId === undefined ? {} : { alternateCredentialId }),
    };
    return { input, current: { credentialId, slot: credentialId, value: new SecretValue(key(credentialId)) } };
  }

  /** Asks the resource itself which keys it has now. */
  async authenticates(input: TargetInput, issued: Issued): Promise<boolean> {
    const resource = this.resourceOf(input);
    if (resource === undefined) return false;
    const { set } = this.#place;
    const keys = [...resource.keys].filter(([slot]) => set === undefined || slot.startsWith(`${set}/`));
    return keys.some(([, { value }]) => issued.value.reveal() === value);
  }

  keyIn({ keys }: Resource, slot: string): string {
    const { set } = this.#place;
    return keys.get(set === undefined ? slot : `${set}/${slot}`)?.value ?? '';
  }

  resourceOf({ providerAddress }: TargetInput): Resource | undefined {
    return this.cloud.arm.resources.find(this.#idOf(providerAddress));
  }

  #idOf(providerAddress: string): string {
    const [, below] = this.#place.resource ?? ['', ''];
    return providerAddress.slice(0, providerAddress.length - below.length);
  }

  mint(): SecretValue {
    return new SecretValue(randomBytes(32).toString('base64'));
  }

  async fault(kind: Fault, input: TargetInput): Promise<() => Promise<void>> {
    const { arm } = this.cloud;
    const scope = this.#idOf(input.providerAddress);
    switch (kind) {
      case 'denied':
        return all(arm.deny('*', scope));
      case 'absent':
        return all(arm.resources.remove(scope));
      case 'throttled':
        return all(arm.throttle(scope, 7));
      case 'unavailable': {
        const body = { error: { code: 'ServerBusy', message: 'The server is busy.' } };
        return this.#wire(scope, { status: 503, body });
      }
      case 'timeout':
        // Longer than any caller waits; then nothing is done, so that no later test meets its effect.
        return this.#wire(scope, { delayMs: 30_000, drop: 'before' });
    }
  }

  /** On the call that changes something and on the data plane: reading the keys goes on working. */
  #wire(scope: string, action: Parameters<StorageCloud['ctx']['faults']['add']>[0]['action']): () => Promise<void> {
    const { faults } = this.cloud.ctx;
    const name = this.cloud.arm.resources.find(scope)?.names['name'] ?? '';
    const ids = [
      faults.add({ system: 'arm', match: `^(?:PUT .*/${name}|POST .*/${name}/(?:.*/)?regenerate)`, action }),
    ];
    const { system } = this.#place;
    if (system !== undefined) ids.push(faults.add({ system, match: ` ${name}`, action }));
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
    return JSON.stringify(this.cloud.ctx.traffic.entries);
  }

  get badInputs(): RotatorHarness['badInputs'] {
    const { address, slots, named } = this.#place;
    const id = `${GROUP}${address.replaceAll(/\{(\w+)\}/g, 'orders')}`;
    const both = named ? { alternateCredentialId: slots[1] } : {};
    const bad = (why: string, input: Partial<TargetInput>, paths: readonly string[]) => ({
      why,
      input: { providerAddress: id, credentialId: slots[0], ...both, ...input },
      paths,
    });
    return [
      bad('everything at once', { providerAddress: 'orders', credentialId: '?', alternateCredentialId: '?' }, [
        ADDRESS,
        'tags.CredentialId',
        'tags.AlternateCredentialId',
      ]),
      bad('another type of resource', { providerAddress: id.replace('/Microsoft.', '/Microsof.') }, [ADDRESS]),
      bad('a child of the resource', { providerAddress: `${id}/children` }, [ADDRESS]),
      bad('a subscription that is no GUID', { providerAddress: id.replace(/0000-/, '') }, [ADDRESS]),
      bad('a group that climbs', { providerAddress: id.replace('/rg/', '/../') }, [ADDRESS]),
      bad('a name with a host in it', { providerAddress: id.replace('/orders', '/a@evil.example#') }, [ADDRESS]),
      bad('no key', { credentialId: '' }, ['tags.CredentialId']),
      bad('a key that is no slot', { credentialId: '_master' }, ['tags.CredentialId']),
      bad('the same key twice', { alternateCredentialId: slots[0] }, ['tags.AlternateCredentialId']),
      ...(named ? [bad('no second key', { alternateCredentialId: '' }, ['tags.AlternateCredentialId'])] : []),
    ];
  }
}

export function rowOf(kind: string): ArmKeyRow {
  const row = ARM_KEY_ROWS.find((one) => one.kind === kind);
  if (row === undefined) throw new Error(`there is no row ${kind}`);
  return row;
}

function all(...mends: readonly (() => void)[]): () => Promise<void> {
  return async () => {
    for (const mend of mends) mend();
  };
}
