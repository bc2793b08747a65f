import type { ArmClient } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, VersionRef } from '../../rotation/ports.ts';
import { saysVaultIsClosed } from '../container-apps.ts';
import { listIn, objectIn, textIn, without, type Json } from '../json.ts';
import { withoutAnswer } from '../silent.ts';
import { VERBS } from './access.ts';
import { incomplete, vaultClosed } from './refusals.ts';
import { asking, type Workload } from './workload.ts';

/** What is changed on the way; all else is set to what it is. */
export interface Change {
  /** By the name of the secret. */
  readonly urls: ReadonlyMap<string, string>;
  readonly tags?: Json;
}

/**
 * Sets all secrets to what they are, which makes the service fetch those from vaults: users have seen it within seconds, after
 * `az containerapp secret set` and after every other update of an app; documented it is nowhere [U]. The array takes the place of the
 * old one, and GET leaves plain values out: so they are read first, and those from a vault keep their URL and identity and get no value,
 * which would make them plain ones (azure-dev #3877). Who adds a secret between the two calls loses it: there is no ETag.
 * @returns where its operation can be asked for; undefined when it has ended @throws as `ArmClient.start` does, without the answer
 */
export async function setSecrets(
  arm: ArmClient,
  workload: Workload,
  { urls, tags }: Change,
  version: VersionRef,
  call: Call,
): Promise<string | undefined> {
  const { id, body, isJob } = workload;
  const listed = await arm.start(asking(id, 'POST', VERBS.listSecrets, '/listSecrets'), call);
  const values = listIn(objectIn('body' in listed ? listed.body : undefined), 'value');
  const configuration = objectIn(body, 'properties', 'configuration');
  const secrets = completed(id, listIn(configuration, 'secrets'), values).map((entry) => {
    const url = urls.get(textIn(entry, 'name') ?? '');
    return url === undefined ? entry : { ...entry, keyVaultUrl: url };
  });
  // A job's configuration has members that must be there; that a PATCH may leave them out is not known [U].
  const whole = isJob ? { ...configuration, secrets } : { secrets };
  const patch = { ...bodyOf(workload, tags), properties: { configuration: whole } };
  const request = asking(id, 'PATCH', VERBS.write);
  try {
    const outcome = await arm.start({ ...request, body: patch }, call);
    return 'operation' in outcome ? outcome.operation : undefined;
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const isVault = error.code === 'CONFIG_INVALID' && saysVaultIsClosed(error.message);
    throw isVault ? vaultClosed(id, version, error.effect) : withoutAnswer(error, request, 'the secrets');
  }
}

/** Writes the tags and nothing else. All are sent, should a PATCH not merge them. @returns and throws as `setSecrets` */
export async function setTags(arm: ArmClient, workload: Workload, tags: Json, call: Call): Promise<string | undefined> {
  const outcome = await arm.start({ ...asking(workload.id, 'PATCH', VERBS.write), body: bodyOf(workload, tags) }, call);
  return 'operation' in outcome ? outcome.operation : undefined;
}

/** An app's schema asks for its location in a PATCH too; a job's has none there. */
function bodyOf({ body, isJob }: Workload, tags: Json | undefined): Json {
  const { location } = body;
  return { ...(isJob ? {} : { location }), ...(tags === undefined ? {} : { tags }) };
}

/** @throws CONFLICT when a value is missing: then nothing is sent, since it would be lost */
function completed(id: string, shown: readonly Json[], listed: readonly Json[]): readonly Json[] {
  const all = new Map<string, Json>();
  for (const entry of [...shown, ...listed]) {
    const name = textIn(entry, 'name');
    // What the list leaves empty is no news.
    const said = Object.entries(entry).filter(([, value]) => value !== null && value !== '');
    if (name !== undefined) all.set(name, { ...all.get(name), ...Object.fromEntries(said) });
  }
  return [...all.values()].map((entry) => {
    if (textIn(entry, 'keyVaultUrl') !== undefined) return without(entry, 'value');
    if (typeof entry['value'] !== 'string') throw incomplete(id);
    return entry;
  });
}
