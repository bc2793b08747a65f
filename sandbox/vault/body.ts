/** Reads the bodies of PUT and PATCH; what is not as it should be is a 400 BadParameter. */
import type { SandboxRequest } from '../http.ts';
import { badParameter } from './errors.ts';
import type { NewVersion, VersionPatch } from './model.ts';

export function objectBody(request: SandboxRequest): Record<string, unknown> {
  const body = request.json;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badParameter('The request body is not a valid JSON object.');
  }
  return body as Record<string, unknown>;
}

/** The writable fields of a PUT or PATCH body; a date of null is kept only where it may mean "clear". */
export function changes(body: Record<string, unknown>, allowNull: false): Omit<NewVersion, 'value'>;
export function changes(body: Record<string, unknown>, allowNull: true): VersionPatch;
export function changes(body: Record<string, unknown>, allowNull: boolean): VersionPatch {
  const attributes = (body['attributes'] ?? {}) as Record<string, unknown>;
  const date = (field: 'nbf' | 'exp'): Record<string, number | null> => {
    const value = attributes[field];
    if (value === undefined || (value === null && !allowNull)) return {};
    if (value === null) return { [field]: null };
    if (!Number.isInteger(value) || (value as number) < 0)
      throw badParameter(`Property ${field} has invalid value\r\n`);
    return { [field]: value as number };
  };
  const { contentType, tags } = body;
  const { enabled } = attributes;
  if (typeof contentType !== 'string' && contentType !== undefined && contentType !== null) {
    throw badParameter('Property contentType has invalid value\r\n');
  }
  return {
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(tags === undefined || tags === null ? {} : { tags: stringMap(tags) }),
    ...(typeof enabled === 'boolean' ? { enabled } : {}),
    ...date('nbf'),
    ...date('exp'),
  };
}

function stringMap(tags: unknown): Record<string, string> {
  const entries = typeof tags === 'object' && !Array.isArray(tags) ? Object.entries(tags as object) : undefined;
  if (entries?.every(([, value]) => typeof value === 'string') !== true) {
    throw badParameter('Property tags has invalid value\r\n');
  }
  return Object.fromEntries(entries as [string, string][]);
}
