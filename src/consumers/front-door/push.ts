import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Reference, Refreshed, ServedCertificate, VersionRef } from '../../rotation/ports.ts';
import { sameId } from '../arm-id.ts';
import { WRITES } from './access.ts';
import * as profile from './profile.ts';
import { deploymentFailed, invalid, operationFailed, referenceIsGone } from './refusals.ts';

/*
 *   new secret ──▶ each domain: the new secret ──▶ deployed everywhere ──▶ seen to be served ──▶ old secret deleted
 *
 * Every call reads the profile, and does the first of these that is not done yet: so it may die anywhere, and be repeated anywhere. What
 * is under way is kept as its own URL; waiting for the deployment is kept as the time since when.
 */

export interface Push {
  readonly arm: ArmClient;
  readonly reference: Reference;
  readonly version: VersionRef;
  readonly served: ServedCertificate;
  readonly call: Call;
  /** Whether these hosts are seen to serve it. */
  readonly isServed: (hosts: readonly string[]) => Promise<boolean>;
}

export interface Holdings {
  readonly secrets: readonly profile.Secret[];
  readonly domains: readonly profile.Domain[];
}

const WAITING = /^deploying since (\S+)$/;
/** After that the old secret is left where it is, and the consumer is asked like any other. */
const PATIENCE_MS = 2 * 3_600_000;

/** @returns what is still under way, or undefined when the operation has ended and the next step may be taken */
export async function underWay(push: Push, operation: string | undefined): Promise<Refreshed | undefined> {
  if (operation === undefined || WAITING.test(operation)) return undefined;
  const profileId = push.reference.parent;
  const state = await push.arm.stateOf(
    operation,
    profile.writing(profileId, WRITES.makeSecret, { method: 'PUT' }),
    push.call,
  );
  if (state.is === 'running') return { is: 'running', operation };
  if (state.is === 'failed') throw operationFailed(profileId, state);
  return undefined; // Done, canceled or forgotten: the profile itself says what is next.
}

/** The next step. @param operation what the last call returned */
export async function nextStep(
  push: Push,
  { secrets, domains }: Holdings,
  operation: string | undefined,
): Promise<Refreshed> {
  const { arm, reference, version, call } = push;
  const freshId = profile.secretIdFor(reference.id, version.version);
  const old = secrets.find(({ id }) => sameId(id, reference.id));
  const fresh = secrets.find(({ id }) => sameId(id, freshId));
  if (fresh === undefined) {
    if (old === undefined) throw referenceIsGone(reference, version);
    return makeSecret(push, old, freshId);
  }
  if (/^(?:Creating|Updating)$/i.test(fresh.provisioning)) return waiting(operation, call.now());
  holdsTheVersion(fresh, push);
  const [next] = old === undefined || sameId(old.id, freshId) ? [] : profile.usersOf(domains, old.id);
  if (next !== undefined) return send(arm, moving(next, fresh), call);
  const users = profile.usersOf(domains, freshId);
  const failed = users.find(
    ({ provisioning, deployment }) => /^Failed$/i.test(provisioning) || /^Failed$/i.test(deployment),
  );
  if (failed !== undefined) throw deploymentFailed(reference.parent, failed);
  if (old === undefined || sameId(old.id, freshId)) return { is: 'pushed' };
  if (users.every(isDeployed) && (await push.isServed(users.map(({ host }) => host)))) return removeOld(push, old);
  const since = Date.parse(WAITING.exec(operation ?? '')?.[1] ?? '');
  return call.now().getTime() - since > PATIENCE_MS ? { is: 'pushed' } : waiting(operation, call.now());
}

async function makeSecret(
  { arm, reference, version, call }: Push,
  old: profile.Secret,
  id: string,
): Promise<Refreshed> {
  const profileId = reference.parent;
  const refused = invalid(
    profileId,
    version,
    await profile.validity(arm, profileId, old.sourceId, version.version, call),
  );
  if (refused !== undefined) throw refused;
  const parameters = { type: 'CustomerCertificate', secretSource: { id: old.sourceId }, useLatestVersion: true };
  return send(
    arm,
    profile.writing(id, WRITES.makeSecret, { method: 'PUT', body: { properties: { parameters } } }),
    call,
  );
}

/** It follows, so it took whatever was the newest when it was made. */
function holdsTheVersion({ id, thumbprint }: profile.Secret, { served, version }: Push): void {
  if (thumbprint === undefined || thumbprint === served.sha1) return;
  throw new RotationError({
    code: 'CONFLICT',
    recovery: 'retry',
    message: `${id} has another version of ${version.object.name} than ${version.version}: there is a newer one, or the vault was read too early`,
  });
}

function moving({ id, tlsSettings }: profile.Domain, { id: secretId }: profile.Secret): ArmRequest {
  const body = { properties: { tlsSettings: { ...tlsSettings, secret: { id: secretId } } } };
  return profile.writing(id, WRITES.moveDomain, { method: 'PATCH', body });
}

function isDeployed({ provisioning, deployment }: profile.Domain): boolean {
  return /^Succeeded$/i.test(provisioning) && /^Succeeded$/i.test(deployment);
}

/** The last step: until it is taken, giving the domains back to the old secret takes one call each. */
async function removeOld({ arm, call }: Push, { id }: profile.Secret): Promise<Refreshed> {
  try {
    return await send(arm, profile.writing(id, WRITES.removeSecret, { method: 'DELETE' }), call);
  } catch (error) {
    // Something else uses it, or it is locked: it is not in our way.
    if (error instanceof RotationError && ['CONFLICT', 'TARGET_NOT_FOUND'].includes(error.code))
      return { is: 'pushed' };
    throw error;
  }
}

/** What is done at once is looked at again soon, like what takes longer. */
async function send(arm: ArmClient, request: ArmRequest, call: Call): Promise<Refreshed> {
  const outcome = await arm.start(request, call);
  return 'operation' in outcome ? { is: 'running', operation: outcome.operation } : waiting(undefined, call.now());
}

function waiting(operation: string | undefined, now: Date): Refreshed {
  const known = operation !== undefined && WAITING.test(operation) ? operation : undefined;
  return { is: 'running', operation: known ?? `deploying since ${now.toISOString()}` };
}
