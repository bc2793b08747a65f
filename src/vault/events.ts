import type { ObjectKind, ObjectRef } from '../rotation/ports.ts';

/** The ten event types of Key Vault (facts B1). */
export const VAULT_EVENT_TYPES = [
  'Microsoft.KeyVault.SecretNewVersionCreated',
  'Microsoft.KeyVault.SecretNearExpiry',
  'Microsoft.KeyVault.SecretExpired',
  'Microsoft.KeyVault.KeyNewVersionCreated',
  'Microsoft.KeyVault.KeyNearExpiry',
  'Microsoft.KeyVault.KeyExpired',
  'Microsoft.KeyVault.CertificateNewVersionCreated',
  'Microsoft.KeyVault.CertificateNearExpiry',
  'Microsoft.KeyVault.CertificateExpired',
  'Microsoft.KeyVault.VaultAccessPolicyChanged',
] as const;
export type VaultEventType = (typeof VAULT_EVENT_TYPES)[number];

export interface VaultEvent {
  readonly id: string;
  readonly type: VaultEventType;
  /** Absent for VaultAccessPolicyChanged, which is about no object. The vault comes from the object's own address. */
  readonly object?: ObjectRef;
  readonly version?: string;
  readonly time?: Date;
  /** As the event says it; only a hint, for its precision is 128 seconds (facts B1): ask the vault. */
  readonly expiresOn?: Date;
}

export interface RefusedEvent {
  readonly reason: string;
  readonly id?: string;
}

export interface DecodedEvents {
  readonly events: readonly VaultEvent[];
  readonly refused: readonly RefusedEvent[];
}

type Fields = ReadonlyMap<string, unknown>;

/**
 * Reads what Event Grid delivers: one event or an array, in the Event Grid schema or CloudEvents 1.0, as an object, as
 * JSON text, as bytes, or (from a storage queue) as base64 of JSON. Field names are taken in any case and trimmed, for
 * the published samples misspell them. What cannot be understood is refused with a reason, event by event.
 * Pure; never throws.
 */
export function decodeVaultEvents(input: unknown): DecodedEvents {
  const decoded = parseInput(input);
  if (typeof decoded === 'string') return { events: [], refused: [{ reason: decoded }] };
  const events: VaultEvent[] = [];
  const refused: RefusedEvent[] = [];
  for (const item of decoded.items) {
    const event = decodeOne(item);
    if ('reason' in event) refused.push(event);
    else events.push(event);
  }
  return { events, refused };
}

function decodeOne(item: unknown): VaultEvent | RefusedEvent {
  const fields = fieldsOf(item);
  if (fields === undefined) return { reason: 'the event is not an object' };
  const id = text(fields, 'id');
  const refuse = (reason: string): RefusedEvent => ({ reason, ...(id === undefined ? {} : { id }) });
  if (id === undefined) return refuse('the event has no id');
  const named = text(fields, 'eventtype') ?? text(fields, 'type');
  if (named === undefined) return refuse('the event has neither eventType nor type');
  const type = VAULT_EVENT_TYPES.find((one) => one.toLowerCase() === named.toLowerCase());
  if (type === undefined) return refuse(`${quote(named)} is not an event of Key Vault`);
  const time = timeOf(text(fields, 'eventtime') ?? text(fields, 'time'));
  const base = { id, type, ...(time === undefined ? {} : { time }) };
  const kind = kindOf(type);
  if (kind === undefined) return base;
  const data = fieldsOf(fields.get('data'));
  if (data === undefined) return refuse(`the ${type} event has no data`);
  const about = objectOf(kind, data);
  if (typeof about === 'string') return refuse(`the ${type} event ${about}`);
  const expiresOn = epochOf(data.get('exp'));
  return { ...base, ...about, ...(expiresOn === undefined ? {} : { expiresOn }) };
}

/** @returns the object and its version, or what is wrong: every field that says the same thing must agree */
function objectOf(kind: ObjectKind, data: Fields): { object: ObjectRef; version?: string } | string {
  const address = text(data, 'id');
  if (address === undefined) return 'has no data.Id, which tells the vault';
  const match =
    /^https:\/\/([a-z0-9.-]+(?::\d{1,5})?)\/(secrets|keys|certificates)\/([a-z0-9-]{1,127})(?:\/([a-z0-9]+))?\/?$/i.exec(
      address,
    );
  const [, host, collection = '', name = '', inId] = match ?? [];
  if (host === undefined || !URL.canParse(`https://${host}`))
    return `has a data.Id that is no object's address: ${quote(address)}`;
  if (collection.toLowerCase() !== `${kind}s`) return `is about a ${kind}, but its data.Id is in ${quote(collection)}`;
  const origin = new URL(`https://${host}`);
  const vaultName = text(data, 'vaultname');
  if (vaultName !== undefined && vaultName.toLowerCase() !== origin.hostname.split('.', 1)[0]) {
    return `says VaultName ${quote(vaultName)}, but its data.Id is in ${origin.hostname}`;
  }
  const objectType = text(data, 'objecttype');
  if (objectType !== undefined && objectType.toLowerCase() !== kind) return `has the ObjectType ${quote(objectType)}`;
  const objectName = text(data, 'objectname');
  if (objectName !== undefined && objectName.toLowerCase() !== name.toLowerCase()) {
    return `says ObjectName ${quote(objectName)}, but its data.Id names ${quote(name)}`;
  }
  const said = text(data, 'version');
  if (said !== undefined && inId !== undefined && said.toLowerCase() !== inId.toLowerCase()) {
    return `says Version ${quote(said)}, but its data.Id says ${quote(inId)}`;
  }
  const version = (inId ?? said)?.toLowerCase();
  if (version !== undefined && !/^[a-z0-9]{1,64}$/.test(version))
    return `has the version ${quote(version)}, which is none`;
  const object: ObjectRef = { kind, vault: origin.origin, name: name.toLowerCase() };
  return { object, ...(version === undefined ? {} : { version }) };
}

function kindOf(type: VaultEventType): ObjectKind | undefined {
  const rest = type.slice('Microsoft.KeyVault.'.length);
  return (['secret', 'key', 'certificate'] as const).find((kind) => rest.toLowerCase().startsWith(kind));
}

/** @returns the events, or what is wrong with the whole delivery */
function parseInput(input: unknown): { readonly items: readonly unknown[] } | string {
  let value = input instanceof Uint8Array ? Buffer.from(input).toString('utf8') : input;
  if (typeof value === 'string') {
    const given = value.trim();
    const json = /^[[{]/.test(given) ? given : Buffer.from(given, 'base64').toString('utf8').trim();
    if (!/^[[{]/.test(json)) return 'the message is neither JSON nor base64 of JSON';
    try {
      value = JSON.parse(json) as unknown;
    } catch (error) {
      return error instanceof SyntaxError ? 'the message is not JSON' : 'the message cannot be read';
    }
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? 'the delivery holds no event' : { items: value as readonly unknown[] };
  }
  return { items: [value] };
}

/** Field names trimmed and in lower case; the first of two that become the same wins. */
function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, unknown>();
  for (const [name, field] of Object.entries(value)) {
    const key = name.trim().toLowerCase();
    if (!fields.has(key)) fields.set(key, field);
  }
  return fields;
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function timeOf(value: string | undefined): Date | undefined {
  const time = new Date(value ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Epoch seconds as a number or as its text; null, absent and nonsense are nothing. */
function epochOf(value: unknown): Date | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value.trim())))
    return undefined;
  const time = new Date(Number(value) * 1000);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function quote(foreign: string): string {
  return JSON.stringify(foreign.slice(0, 100));
}
