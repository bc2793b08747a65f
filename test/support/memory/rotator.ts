import { RotationError } from '../../../src/rotation/errors.ts';
import {
  SecretValue,
  type Blocker,
  type Capabilities,
  type Issued,
  type LiveCredential,
  type Pending,
  type Rotator,
  type Slot,
  type Target,
  type TargetInput,
} from '../../../src/rotation/ports.ts';
import type { Calls } from './calls.ts';

/** A system with two logins; where `minting` is `system` it makes up the passwords itself. */
export class MemoryRotator implements Rotator {
  readonly kind = 'bank';
  readonly capabilities: Capabilities;
  readonly #calls: Calls;
  /** What each login's password is; absent: it cannot log in. */
  readonly passwords = new Map<Slot, string>();
  /** What else each login's password is, where the system keeps the one before. */
  readonly seconds = new Map<Slot, string>();
  /** Of a kind that `retains`: a version of the system that cannot. */
  keepsNone = false;
  /** Who is logged in as whom. */
  readonly sessions = new Map<Slot, readonly string[]>();
  readonly ended: Slot[] = [];
  readonly refused: Slot[] = [];
  blockers: readonly Blocker[] = [];
  answersPending = false;
  /** What the last `set` was told to make. */
  asked: Pending | undefined;
  #minted = 0;

  /** Which rotation made a credential, where each makes one of its own. */
  readonly labels = new Map<Slot, string>();

  constructor(calls: Calls, capabilities: Partial<Capabilities> = {}) {
    this.#calls = calls;
    this.capabilities = { minting: 'engine', overlap: 'two-slots', revocable: true, proof: 'log-in', ...capabilities };
  }

  claims(address: string): boolean {
    return address.startsWith('bank');
  }

  parseTarget({ credentialId, alternateCredentialId, providerAddress }: TargetInput): Target {
    const { overlap } = this.capabilities;
    const second = alternateCredentialId === undefined || overlap === 'none' ? [] : [alternateCredentialId];
    const slots = overlap === 'many' ? [] : [credentialId, ...second];
    return { id: `bank:${providerAddress}`, slots, current: credentialId, hosts: [providerAddress], config: {} };
  }

  describe(target: Target, slot: Slot): readonly string[] {
    return [`ALTER LOGIN ${slot} at ${target.id}`];
  }

  async check(): Promise<readonly Blocker[]> {
    await this.#calls.made('rotator.check');
    return this.blockers;
  }

  async list(target: Target): Promise<readonly LiveCredential[]> {
    await this.#calls.made('rotator.list');
    const slots = target.slots.length === 0 ? [...this.passwords.keys()] : target.slots;
    return slots
      .filter((slot) => this.passwords.has(slot))
      .map((slot) => {
        const [sessions, rotationId] = [this.sessions.get(slot), this.labels.get(slot)];
        return {
          credentialId: slot,
          slot,
          ...(sessions === undefined ? {} : { sessions }),
          ...(rotationId === undefined ? {} : { rotationId }),
        };
      });
  }

  async set(_target: Target, pending: Pending): Promise<Issued | 'pending'> {
    await this.#calls.made('rotator.set');
    this.asked = pending;
    if (pending.slot === pending.current.slot && this.capabilities.overlap !== 'none')
      throw new TypeError('set was asked to touch the current credential');
    if (this.answersPending) return 'pending';
    this.#minted += 1;
    const value = pending.value ?? new SecretValue(`made-by-the-system-${this.#minted}`);
    const slot = pending.slot === '' ? `made-${this.#minted}` : pending.slot;
    if (this.capabilities.retains === true && !this.keepsNone) this.#retain(slot, value, pending.current.value);
    else this.passwords.set(slot, value.reveal());
    if (pending.slot === '') this.labels.set(slot, pending.rotationId);
    return { credentialId: slot, slot, value };
  }

  /** As src/rotators/mysql/retain.ts does it: the system keeps the primary password only, and forgets the second. */
  #retain(slot: Slot, value: SecretValue, current: SecretValue): void {
    if (value.equals(current)) {
      if (this.seconds.delete(slot) || !this.logsIn(slot, current)) this.passwords.set(slot, value.reveal());
      return;
    }
    if (this.seconds.has(slot)) {
      if (this.logsIn(slot, value)) return;
      if (this.logsIn(slot, current)) this.passwords.set(slot, current.reveal());
    }
    this.seconds.set(slot, this.passwords.get(slot) ?? '');
    this.passwords.set(slot, value.reveal());
  }

  logsIn(slot: Slot, value: SecretValue): boolean {
    return [this.passwords.get(slot), this.seconds.get(slot)].includes(value.reveal());
  }

  async test(target: Target, issued: Issued): Promise<void> {
    await this.#calls.made('rotator.test');
    if (this.logsIn(issued.slot, issued.value)) return;
    this.refused.push(issued.slot);
    throw new RotationError({
      code: 'CREDENTIAL_REJECTED',
      recovery: 'human',
      message: `${target.id} refuses ${issued.slot}`,
    });
  }

  async revoke(_target: Target, slot: Slot, { endSessions }: { readonly endSessions: boolean }): Promise<void> {
    await this.#calls.made('rotator.revoke');
    if (this.capabilities.overlap !== 'none') this.passwords.delete(slot);
    this.seconds.delete(slot);
    if (endSessions) this.ended.push(slot);
  }
}
