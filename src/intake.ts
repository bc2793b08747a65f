import { createHash } from 'node:crypto';
import { CallScope } from './rotation/calls.ts';
import { describeObject, type Engine } from './rotation/engine.ts';
import type { Note, Trigger } from './rotation/ports.ts';
import { isPending } from './rotation/staging.ts';
import { decodeVaultEvents, type VaultEvent } from './vault/events.ts';

/** Event Grid waits 30 seconds for an answer (facts B3): what cannot be stored by then is delivered again. */
const INTAKE_MS = 25_000;

const TRIGGERS: Readonly<Record<string, Trigger>> = {
  'Microsoft.KeyVault.SecretNearExpiry': 'near-expiry',
  'Microsoft.KeyVault.SecretExpired': 'expired',
  'Microsoft.KeyVault.KeyNearExpiry': 'near-expiry',
  'Microsoft.KeyVault.KeyExpired': 'expired',
  'Microsoft.KeyVault.CertificateNearExpiry': 'near-expiry',
  'Microsoft.KeyVault.CertificateExpired': 'expired',
};
const NEW_VERSION: readonly string[] = [
  'Microsoft.KeyVault.SecretNewVersionCreated',
  'Microsoft.KeyVault.KeyNewVersionCreated',
  'Microsoft.KeyVault.CertificateNewVersionCreated',
];
/** Every type of event that something is done about: the subscriptions of `infra/` ask for these. */
export const HANDLED_EVENT_TYPES: readonly string[] = [...Object.keys(TRIGGERS), ...NEW_VERSION];

/**
 * Takes a delivery of Event Grid in either schema: decides where each event goes and enqueues it, nothing more.
 * What cannot be read or is not ours is noted in the ledger and not delivered again, because no later delivery would be
 * better. @throws when something could not be stored: the whole delivery comes again, and everything here may be repeated
 */
export async function takeEvents(engine: Engine, input: unknown, deliveryId: string): Promise<void> {
  const scope = new CallScope(engine.clock, INTAKE_MS);
  const { events, refused } = decodeVaultEvents(input);
  for (const { reason, id } of refused) {
    await note(engine, scope, {
      id: id ?? createHash('sha256').update(`${deliveryId}|${reason}`).digest('hex'),
      at: engine.clock.now(),
      kind: 'refused',
      code: 'EVENT_INVALID',
      message: `an event was refused: ${reason}`,
      remedy: 'Look at the event subscription: its source is a key vault, its schema Event Grid or CloudEvents 1.0.',
    });
  }
  for (const event of events) await takeEvent(engine, scope, event);
}

async function takeEvent(engine: Engine, scope: CallScope, event: VaultEvent): Promise<void> {
  const { object, version, type } = event;
  if (object !== undefined && !engine.configuration.serves(object.vault)) {
    return note(engine, scope, {
      id: event.id,
      at: engine.clock.now(),
      kind: 'refused',
      object,
      code: 'NOT_SERVED',
      message: `an event of ${describeObject(object)} was refused: the vault is not served`,
      remedy: `Add ${object.vault} to KEYTURN_VAULTS, or delete the event subscription that sends its events here.`,
    });
  }
  if (object !== undefined && isPending(object)) {
    engine.log('debug', 'an event about a pending value of our own', { type, id: event.id });
    return;
  }
  const trigger = TRIGGERS[type];
  if (object !== undefined && version !== undefined && trigger !== undefined) {
    return scope.run('enqueueing a rotation', (call) => engine.queue.rotate({ object, trigger, version }, 0, call));
  }
  if (object !== undefined && version !== undefined && NEW_VERSION.includes(type)) {
    return scope.run('enqueueing a propagation', (call) => engine.queue.propagate({ object, version }, 0, call));
  }
  engine.log('info', 'an event that nothing is done about', { type, id: event.id });
}

async function note(engine: Engine, scope: CallScope, refused: Note): Promise<void> {
  engine.log('warn', refused.message, { code: refused.code, remedy: refused.remedy });
  await scope.run('noting a refused event', (call) => engine.journal.note(refused, call));
}
