import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call, ObjectRef } from '../../rotation/ports.ts';
import { about } from '../container-apps.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { readObjectUrl, refersTo, type ObjectAddress } from '../object-address.ts';
import { APP, JOB, VERBS, type Verb } from './access.ts';

/** A secret of an app or a job that comes from a vault. Its value is in none of this. */
export interface VaultSecret {
  readonly name: string;
  readonly url: string;
  readonly address: ObjectAddress;
}

/** A container app or a job. */
export interface Workload {
  readonly id: string;
  /** A job's containers are started anew for each execution. */
  readonly isJob: boolean;
  readonly secrets: readonly VaultSecret[];
  readonly tags: Json;
  readonly provisioning: string;
  readonly isStopped: boolean;
  readonly body: Json;
}

const JOB_ID = /\/providers\/Microsoft\.App\/jobs\/[^/]+$/i;

/** Read-only; @throws as `ArmClient.start` does */
export async function readWorkload(arm: ArmClient, id: string, call: Call): Promise<Workload> {
  const outcome = await arm.start(asking(id, 'GET', VERBS.read), call);
  const body = objectIn('body' in outcome ? outcome.body : undefined);
  const properties = objectIn(body, 'properties');
  return {
    ...{ id, body, isJob: JOB_ID.test(id) },
    secrets: listIn(objectIn(properties, 'configuration'), 'secrets').flatMap(vaultSecretIn),
    tags: objectIn(body, 'tags'),
    provisioning: textIn(properties, 'provisioningState') ?? '',
    isStopped: /^stopp/i.test(textIn(properties, 'runningStatus') ?? ''),
  };
}

function vaultSecretIn(entry: Json): readonly VaultSecret[] {
  const [name, url] = [textIn(entry, 'name'), textIn(entry, 'keyVaultUrl')];
  const address = url === undefined ? undefined : readObjectUrl(url);
  return name === undefined || url === undefined || address === undefined ? [] : [{ name, url, address }];
}

export function secretsFor({ secrets }: Workload, object: ObjectRef): readonly VaultSecret[] {
  return secrets.filter(({ address }) => refersTo(address, object));
}

/** All that follow are set together, and are one reference; each that names a version is one of its own. */
export function referenceIdOf(workloadId: string, { name, address }: VaultSecret): string {
  return address.version === undefined ? workloadId : `${workloadId}#secrets/${name}`;
}

/** A request about it. @param verb what follows the type, as RBAC spells it @param below what follows the id, from `/` on */
export function asking(id: string, method: ArmRequest['method'], verb: Verb, below = ''): ArmRequest {
  const { type, role } = JOB_ID.test(id) ? JOB : APP;
  // Listing secrets is a POST that changes nothing.
  const mutates = method !== 'GET' && verb !== VERBS.listSecrets;
  return { ...about(id, role, below), method, action: `${type}/${verb}`, mutates };
}
