/** Key Vault's events as Event Grid words them (facts B1), in both schemas. */
import { randomUUID } from 'node:crypto';
import type { CertificateEvent } from '../vault/certificates/certificates.ts';
import type { KeyEvent } from '../vault/keys.ts';
import type { SecretVersion, StoredSecret, VaultService } from '../vault/vault.ts';

type Happening = 'NewVersionCreated' | 'NearExpiry' | 'Expired';
export type SecretEventKind = `Secret${Happening}`;
export type KeyEventKind = `Key${Happening}`;
export type CertificateEventKind = `Certificate${Happening}`;

/** An event before it has a schema. Tests may make foreign or malformed ones of it with `inject`. */
export interface GridEvent {
  readonly id: string;
  /** The source: the vault's ARM id. */
  readonly topic: string;
  readonly subject: string;
  /** e.g. `Microsoft.KeyVault.SecretNearExpiry` */
  readonly eventType: string;
  /** ISO 8601 with seven decimals. */
  readonly eventTime: string;
  readonly data: unknown;
  /** When the version was written; only subscriptions that existed by then hear of its expiry. */
  readonly versionCreatedMs?: number;
}

export type GridSchema = 'EventGridSchema' | 'CloudEventSchemaV1_0';

export function secretEvent(
  kind: SecretEventKind,
  service: VaultService,
  of: { readonly vault: string; readonly secret: StoredSecret; readonly version: SecretVersion },
  now: Date,
): GridEvent {
  const { vault, secret, version } = of;
  return {
    id: randomUUID(),
    topic: service.resourceId(vault),
    subject: secret.name,
    eventType: `Microsoft.KeyVault.${kind}`,
    eventTime: now.toISOString().replace('Z', '0000Z'),
    data: {
      Id: service.versionUrl(vault, secret, version),
      VaultName: vault,
      ObjectType: 'Secret',
      ObjectName: secret.name,
      Version: version.id,
      NBF: version.nbf ?? null,
      EXP: version.exp ?? null,
    },
    versionCreatedMs: version.createdMs,
  };
}

export function keyEvent(
  kind: KeyEventKind,
  service: VaultService,
  { vault, key, version }: KeyEvent,
  now: Date,
): GridEvent {
  return {
    id: randomUUID(),
    topic: service.resourceId(vault),
    subject: key.name,
    eventType: `Microsoft.KeyVault.${kind}`,
    eventTime: now.toISOString().replace('Z', '0000Z'),
    data: {
      Id: `${service.keys.url(vault, key.name)}/${version.id}`,
      VaultName: vault,
      ObjectType: 'Key',
      ObjectName: key.name,
      Version: version.id,
      NBF: version.nbf ?? null,
      EXP: version.exp ?? null,
    },
    versionCreatedMs: version.createdMs,
  };
}

export function certificateEvent(
  kind: CertificateEventKind,
  service: VaultService,
  { vault, certificate, version }: CertificateEvent,
  now: Date,
): GridEvent {
  return {
    id: randomUUID(),
    topic: service.resourceId(vault),
    subject: certificate.name,
    eventType: `Microsoft.KeyVault.${kind}`,
    eventTime: now.toISOString().replace('Z', '0000Z'),
    data: {
      Id: `${service.certificates.url(vault, certificate.name)}/${version.id}`,
      VaultName: vault,
      ObjectType: 'Certificate',
      ObjectName: certificate.name,
      Version: version.id,
      NBF: version.nbf,
      EXP: version.exp,
    },
    versionCreatedMs: version.createdMs,
  };
}

/** The event as it is delivered. */
export function render(event: GridEvent, schema: GridSchema): Record<string, unknown> {
  const { id, topic, subject, eventType, eventTime, data } = event;
  return schema === 'EventGridSchema'
    ? { id, topic, subject, eventType, data, dataVersion: '1', metadataVersion: '1', eventTime }
    : { id, source: topic, specversion: '1.0', type: eventType, subject, time: eventTime, data };
}
