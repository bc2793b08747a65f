import { RotationError } from '../../rotation/errors.ts';
import type { Reference, Refreshed } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import type { ClassName } from './kubectl.ts';
import type { Ended } from './run-command.ts';

/* Why a cluster is not asked, or does not do what it is told; each with what to do. */

/** Longer than discovery waits for anybody: a slow cluster must not keep the others from being found. */
const LATER_MS = 60_000;

function arguments_(clusterId: string): string {
  return `-g ${clusterId.split('/')[4] ?? '<group>'} -n ${nameIn(clusterId)}`;
}

/** @throws HUMAN_REQUIRED for a cluster that is stopped, or whose owner has turned run commands off */
export function whoeverRunsNone(clusterId: string, properties: Json): void {
  const which = arguments_(clusterId);
  const said = (message: string, remedy: string): RotationError =>
    new RotationError({ code: 'HUMAN_REQUIRED', recovery: 'human', message: `${clusterId} ${message}`, remedy });
  if (textIn(objectIn(properties, 'powerState'), 'code')?.toLowerCase() === 'stopped')
    throw said('is stopped: what it refers to cannot be seen', `Start it, or leave it: az aks start ${which}`);
  if (objectIn(properties, 'apiServerAccessProfile')['disableRunCommand'] === true)
    throw said(
      'runs no commands for anybody',
      `Allow it: az aks update ${which} --enable-run-command; or do not ask clusters: KEYTURN_CONSUMERS {"aks":"off"}`,
    );
}

export function pinnedIsLeft({ parent }: Reference, { namespace, name }: ClassName, pinned: string): Refreshed {
  return {
    is: 'reported',
    detail: `the SecretProviderClass ${name} of ${namespace} in ${parent} names version ${pinned}`,
    remedy: `Take objectVersion out of it, where it is kept: kubectl edit secretproviderclass ${name} -n ${namespace}; then push again: POST /api/propagations`,
  };
}

/** A command that ran and did not succeed. Of its output only the error is told. */
export function exitedBadly(clusterId: string, { exitCode, logs }: Ended): RotationError {
  const error = logs.split('\n').find((line) => /^error\b/i.test(line.trim()));
  const message = `kubectl in ${clusterId} ended with ${exitCode}: ${error?.trim().slice(0, 300) ?? 'it does not say why'}`;
  if (/\(NotFound\)|doesn't have a resource type/.test(logs))
    return new RotationError({ code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message });
  if (/forbidden|unauthorized|must be logged in/i.test(logs))
    return new RotationError({
      ...{ code: 'ACCESS_DENIED', recovery: 'reconfigure', message },
      remedy: `Grant the app's identity its rights inside of the cluster (src/consumers/aks-secrets-store/README.md): az role assignment create --assignee-object-id "<object id of the app's managed identity>" --assignee-principal-type ServicePrincipal --role "Azure Kubernetes Service RBAC Cluster Admin" --scope "${clusterId}"`,
    });
  return new RotationError({
    ...{ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown', message },
    remedy: `See what kubectl says: az aks command invoke ${arguments_(clusterId)} --command "kubectl get secretproviderclass -A"`,
  });
}

/** The cluster has no such type: the driver is not installed. */
export function hasNoDriver({ exitCode, logs }: Ended): boolean {
  return exitCode !== 0 && /doesn't have a resource type/.test(logs);
}

export function commandFailed(clusterId: string, reason: string): RotationError {
  return new RotationError({
    ...{ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown', retryAfterMs: LATER_MS },
    message: `${clusterId} could not run the command: ${reason.split('\n')[0]?.slice(0, 300) ?? ''}`,
    remedy: `See whether there is room for its pod (200m CPU, 500Mi): az aks command invoke ${arguments_(clusterId)} --command "kubectl get nodes"`,
  });
}

export function tooSlow(clusterId: string): RotationError {
  return new RotationError({
    ...{ code: 'UNAVAILABLE', recovery: 'retry', effect: 'unknown', retryAfterMs: LATER_MS },
    message: `${clusterId} has not ended the command in half a minute`,
    remedy: `See whether there is room for its pod: az aks command invoke ${arguments_(clusterId)} --command "kubectl get nodes"`,
  });
}

export function unreadable(clusterId: string, why: string): RotationError {
  return new RotationError({
    ...{ code: 'HUMAN_REQUIRED', recovery: 'human' },
    message: `what ${clusterId} answered cannot be read: ${why}`,
    remedy: `See it: az aks command invoke ${arguments_(clusterId)} --command "kubectl get secretproviderclass -A -o json"`,
  });
}
