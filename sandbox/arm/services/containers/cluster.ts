/** A cluster of AKS with the Secrets Store driver, as far as run commands show it (consumer facts 8; docs of the driver and of the Azure provider). */
import type { Resource, VaultDirectories } from '../../service.ts';

export interface SecretClass {
  readonly namespace: string;
  readonly name: string;
  keyvaultName: string;
  /** The text of `objects`. */
  objects: string;
  /** What of it is mounted: `secret/name`, and the version where it is pinned. */
  readonly mounts: readonly { readonly id: string; readonly version?: string }[];
}

export interface Workload {
  readonly namespace: string;
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly name: string;
  readonly classes: readonly string[];
  annotations: Record<string, string>;
  /** How often its pods were made anew. */
  rollouts: number;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** Absent: it belongs to no workload. */
  readonly workload?: string;
  readonly secretClass: string;
  readonly mounted: Map<string, string>;
}

export interface Cluster {
  readonly classes: SecretClass[];
  readonly workloads: Workload[];
  readonly pods: Pod[];
  /** Log-in by Entra, and then a token for it comes with the command. */
  isEntra: boolean;
  isStopped: boolean;
  disableRunCommand: boolean;
  hasDriver: boolean;
  /** Whether the identity may do something inside of the cluster. */
  mayRun: boolean;
  /** Every command that was given to the shell. */
  readonly commands: string[];
}

const CLUSTERS = new WeakMap<Resource, Cluster>();

export function clusterOf(resource: Resource): Cluster {
  const found = CLUSTERS.get(resource) ?? {
    ...{ classes: [], workloads: [], pods: [], commands: [] },
    ...{ isEntra: false, isStopped: false, disableRunCommand: false, hasDriver: true, mayRun: true },
  };
  CLUSTERS.set(resource, found);
  return found;
}

/** What a pod has once it was made, or once the driver has looked: what is not pinned, in the newest version. */
export function mount(cluster: Cluster, pod: Pod, { secrets }: VaultDirectories): void {
  const secretClass = cluster.classes.find(
    ({ namespace, name }) => namespace === pod.namespace && name === pod.secretClass,
  );
  for (const { id, version } of secretClass?.mounts ?? []) {
    const name = id.split('/')[1] ?? '';
    const seen = secrets?.lookUp(secretClass?.keyvaultName ?? '', name, version);
    if (seen?.enabled === true) pod.mounted.set(id, seen.version);
  }
}

/** New pods in the place of the old ones. */
export function rollOut(cluster: Cluster, workload: Workload, vault: VaultDirectories): void {
  workload.rollouts += 1;
  const own = cluster.pods.filter((pod) => pod.namespace === workload.namespace && pod.workload === workload.name);
  for (const pod of own) {
    cluster.pods.splice(cluster.pods.indexOf(pod), 1);
    const name = `${workload.name}-${String(workload.rollouts)}`;
    const fresh: Pod = { ...pod, name, mounted: new Map() };
    cluster.pods.push(fresh);
    mount(cluster, fresh, vault);
  }
}
