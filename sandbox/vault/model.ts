/** The shapes that a vault stores, and what it refuses to store. */
import { badParameter } from './errors.ts';

export interface SecretVersion {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly value: string;
  contentType?: string;
  tags?: Readonly<Record<string, string>>;
  enabled: boolean;
  /** Epoch seconds, all four. */
  nbf?: number;
  exp?: number;
  readonly created: number;
  updated: number;
  /** The key of the certificate that it backs: only the vault writes it. */
  readonly kid?: string;
  /** The order of writing, and its exact time: `created` has a resolution of one second only. */
  readonly createdMs: number;
}

export interface StoredSecret {
  readonly name: string;
  /** Oldest first. */
  readonly versions: SecretVersion[];
}

export interface DeletedSecret extends StoredSecret {
  readonly deletedDate: number;
  readonly scheduledPurgeDate: number;
  /** Until then it is "being deleted": the service shows it only after some seconds. */
  readonly visibleAtMs: number;
}

export interface NewVersion {
  readonly value: string;
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly nbf?: number;
  readonly exp?: number;
  readonly kid?: string;
}

export interface VersionPatch {
  readonly contentType?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly enabled?: boolean;
  readonly nbf?: number | null;
  readonly exp?: number | null;
}

/** Refuses what the service refuses (facts A6). The exact texts for over-long values are unverified. */
export function checkNewVersion(name: string, input: NewVersion | VersionPatch): void {
  checkName(name);
  if ('value' in input && Buffer.byteLength(input.value) > 25_600)
    throw badParameter('Property value has invalid value\r\n');
  if ((input.contentType?.length ?? 0) > 255) throw badParameter('Property contentType has invalid value\r\n');
  const tags = Object.entries(input.tags ?? {});
  const tooLong = tags.some(([key, value]) => key.length > 512 || value.length > 512);
  if (tags.length > 15 || tooLong) throw badParameter('Property tags has invalid value\r\n');
}

export function checkName(name: string): void {
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
}
