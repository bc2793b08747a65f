/** What Graph does about the certificates of an application: addKey, removeKey, and PATCH of the whole list. */
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import type { Application, Applications } from './applications.ts';
import * as refuse from './errors.ts';
import { keyCredential, proves, type KeyCredential } from './keys.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is not verified of the real Graph, both ways. */
export interface KeyHabits {
  /** Whether addKey and removeKey take a proof from a caller that is not the application itself. */
  takesProofs: boolean;
  /** Whether addKey keeps the name that it is given. */
  keepsNames: boolean;
}

/** The properties as Graph lists them; the certificate itself only where `$select` asks for them. */
export function listedKey(key: KeyCredential, withKey: boolean): Json {
  return {
    customKeyIdentifier: key.customKeyIdentifier,
    displayName: key.displayName,
    endDateTime: key.endDateTime.toISOString(),
    key: withKey ? key.certificate.raw.toString('base64') : null,
    keyId: key.keyId,
    startDateTime: key.startDateTime.toISOString(),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  };
}

export function addKey(
  app: Application,
  request: SandboxRequest,
  { applications, habits, now }: { applications: Applications; habits: KeyHabits; now: Date },
): SandboxResponse {
  const { keyCredential: wanted, passwordCredential, proof } = record(request.json);
  if (!habits.takesProofs || !proves(proof, app, now)) throw refuse.proofRefused(now);
  if (passwordCredential !== null) throw refuse.badRequest('passwordCredential must be null.', now);
  const key = parsed(record(wanted), now);
  const added = applications.register(app, key.der, { name: habits.keepsNames ? key.name : null });
  return { status: 200, body: listedKey(added, false) };
}

export function removeKey(app: Application, request: SandboxRequest, habits: KeyHabits, now: Date): SandboxResponse {
  const { keyId, proof } = record(request.json);
  if (!habits.takesProofs || !proves(proof, app, now)) throw refuse.proofRefused(now);
  const rest = app.keys.filter((key) => key.keyId !== keyId);
  if (rest.length === app.keys.length) throw refuse.noKeyCredential(String(keyId), now);
  app.keys = rest;
  return { status: 204 };
}

/** The list takes the place of the one before: an entry with the id of a known one is that one, its certificate or not. */
export function replaceKeys(app: Application, request: SandboxRequest, now: Date): SandboxResponse {
  const { keyCredentials } = record(request.json);
  if (!Array.isArray(keyCredentials)) throw refuse.badRequest('Only keyCredentials can be changed here.', now);
  const wanted = keyCredentials.map((entry: unknown): KeyCredential => {
    const known = app.keys.find(({ keyId }) => keyId === record(entry)['keyId']);
    if (known !== undefined) return known;
    const { der, name } = parsed(record(entry), now);
    return keyCredential(der, { name, addedAt: now.getTime() });
  });
  app.keys = wanted;
  return { status: 204 };
}

function parsed(entry: Json, now: Date): { readonly der: Buffer; readonly name: string | null } {
  const { type, usage, key, displayName } = entry;
  if (type !== 'AsymmetricX509Cert' || usage !== 'Verify' || typeof key !== 'string') {
    throw refuse.badRequest('Key credential type, usage or value is invalid.', now);
  }
  const der = Buffer.from(key, 'base64');
  const { endDateTime } = keyCredential(der, { name: null, addedAt: 0 });
  if (endDateTime <= now) throw refuse.badRequest('Key credential end date is invalid.', now);
  return { der, name: typeof displayName === 'string' ? displayName : null };
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
