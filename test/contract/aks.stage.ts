import { clusterOf, mount, type Cluster, type Workload } from '../../sandbox/arm/services/containers/cluster.ts';
import type { Resource } from '../../sandbox/arm/service.ts';
import { annotationFor } from '../../src/consumers/aks-secrets-store/kubectl.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

let made = 0;

export function makeCluster(cloud: ConsumerCloud): { readonly resource: Resource; readonly cluster: Cluster } {
  made += 1;
  const resource = cloud.arm.create('Microsoft.ContainerService/managedClusters/{name}', { name: `aks${made}` });
  return { resource, cluster: clusterOf(resource) };
}

export interface Uses {
  readonly object: string;
  readonly type?: 'secret' | 'cert';
  readonly version?: string;
  /** The text of `objects`, where it is another than the usual one. */
  readonly text?: string;
  readonly name?: string;
  readonly vault?: string;
}

export function objectsText({ object, type = 'secret', version }: Uses): string {
  const pinned = version === undefined ? '' : `    objectVersion: ${version}\n`;
  return `array:\n  - |\n    objectName: ${object}\n    objectType: ${type}\n${pinned}`;
}

/** A class of the namespace `shop`. */
export function addClass(cluster: Cluster, uses: Uses): void {
  const { object, type = 'secret', version, name = 'web', vault = 'kv' } = uses;
  const mounts = [{ id: `${type}/${object}`, ...(version === undefined ? {} : { version }) }];
  const objects = uses.text ?? objectsText(uses);
  cluster.classes.push({ namespace: 'shop', name, keyvaultName: vault, objects, mounts });
}

/** A workload with two pods that have mounted what is the newest now, made for that version. @param object absent: made for nothing */
export function addWorkload(
  cloud: ConsumerCloud,
  cluster: Cluster,
  { name, kind = 'Deployment', object }: { name: string; kind?: Workload['kind']; object?: string },
  secretClass = 'web',
): Workload {
  const version = object === undefined ? undefined : cloud.vault.lookUp('kv', object)?.version;
  const mark = annotationFor({ namespace: 'shop', name: secretClass }, object ?? '');
  const annotations: Record<string, string> = version === undefined ? {} : { [mark]: version };
  const workload = { namespace: 'shop', kind, name, classes: [secretClass], annotations, rollouts: 0 };
  cluster.workloads.push(workload);
  for (const n of [1, 2]) addPod(cloud, cluster, `${name}-pod${n}`, secretClass, name);
  return workload;
}

export function addPod(
  cloud: ConsumerCloud,
  cluster: Cluster,
  name: string,
  secretClass: string,
  workload?: string,
): void {
  const owner = workload === undefined ? {} : { workload };
  const pod = { namespace: 'shop', name, secretClass, mounted: new Map<string, string>(), ...owner };
  cluster.pods.push(pod);
  mount(cluster, pod, { secrets: cloud.vault });
}
