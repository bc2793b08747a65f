/** The few commands of kubectl that the sandbox's clusters know, in the one spelling that is used; a shell would say so of all others. */
import type { VaultDirectories } from '../../service.ts';
import { rollOut, type Cluster, type SecretClass, type Workload } from './cluster.ts';

export interface Printed {
  readonly exitCode: number;
  readonly logs: string;
}

const API = 'secrets-store.csi.x-k8s.io';
const CLASSES = `secretproviderclasses.${API}`;
const STATUSES = `secretproviderclasspodstatuses.${API}`;
const KINDS = { Deployment: 'deployments.apps', StatefulSet: 'statefulsets.apps', DaemonSet: 'daemonsets.apps' };
const NAME = '([a-z0-9][-.a-z0-9]*)';

type Command = (cluster: Cluster, match: RegExpExecArray, vault: VaultDirectories) => Printed;

const failed = (logs: string): Printed => ({ exitCode: 1, logs });
const ok = (logs: string): Printed => ({ exitCode: 0, logs });

/** Stops at the first command that fails, as `&&` does. */
export function run(cluster: Cluster, text: string, vault: VaultDirectories): Printed {
  if (!cluster.mayRun) return failed('Error from server (Forbidden): User "app" cannot list resource');
  const printed: string[] = [];
  for (const command of text.split(' && ')) {
    const one = runOne(cluster, command, vault);
    printed.push(one.logs);
    if (one.exitCode !== 0) return { ...one, logs: printed.join('') };
  }
  return ok(printed.join(''));
}

function runOne(cluster: Cluster, command: string, vault: VaultDirectories): Printed {
  if (!cluster.hasDriver && command.includes(API)) {
    return failed(`error: the server doesn't have a resource type "secretproviderclasses"\n`);
  }
  for (const [pattern, work] of COMMANDS) {
    const match = pattern.exec(command);
    if (match !== null) return work(cluster, match, vault);
  }
  return { exitCode: 127, logs: `sh: ${command.slice(0, 60)}: not found\n` };
}

const COMMANDS: readonly (readonly [RegExp, Command])[] = [
  [/^echo ([A-Z]+)$/, (_cluster, [, text = '']) => ok(`${text}\n`)],
  [
    new RegExp(`^kubectl get ${CLASSES} --all-namespaces -o json$`),
    ({ classes }) => ok(`${JSON.stringify({ kind: 'List', items: classes.map(shown) }, undefined, 4)}\n`),
  ],
  [new RegExp(`^kubectl get ${CLASSES} ${NAME} -n ${NAME} -o json$`), getClass],
  [new RegExp(`^kubectl get ${Object.values(KINDS).join(',')} -n ${NAME} -o jsonpath='([^']*)'$`), listWorkloads],
  [new RegExp(`^kubectl get ${STATUSES} -n ${NAME} -o jsonpath='[^']*'$`), listStatuses],
  [new RegExp(`^kubectl patch ([a-z.]+) ${NAME} -n ${NAME} --type merge -p '([^']*)'$`), patch],
];

function shown({ namespace, name, keyvaultName, objects }: SecretClass): unknown {
  const parameters = { keyvaultName, objects, tenantId: 't', usePodIdentity: 'false' };
  return { kind: 'SecretProviderClass', metadata: { namespace, name }, spec: { provider: 'azure', parameters } };
}

function getClass({ classes }: Cluster, [, name = '', namespace]: RegExpExecArray): Printed {
  const found = classes.find((one) => one.name === name && one.namespace === namespace);
  if (found === undefined) return failed(`Error from server (NotFound): ${CLASSES} "${name}" not found\n`);
  return ok(`${JSON.stringify(shown(found), undefined, 4)}\n`);
}

function listWorkloads({ workloads }: Cluster, [, namespace, path = '']: RegExpExecArray): Printed {
  const annotation = /annotations\.([a-z0-9/]+)\}/.exec(path)?.[1] ?? '';
  const lines = workloads
    .filter((one) => one.namespace === namespace)
    .map(({ kind, name, annotations, classes }) => {
      // A volume that is none of the driver's is an empty word.
      const volumes = ['', ...classes].map((one) => ` ${one}`).join('');
      return `${kind} ${name} mark=${annotations[annotation] ?? ''}${volumes}\n`;
    });
  return ok(lines.join(''));
}

function listStatuses({ pods }: Cluster, [, namespace]: RegExpExecArray): Printed {
  const lines = pods
    .filter((one) => one.namespace === namespace)
    .map(({ name, secretClass, mounted }) => {
      const objects = [...mounted].map(([id, version]) => ` ${id}=${version}`).join('');
      return `${secretClass} ${name}${objects}\n`;
    });
  return ok(lines.join(''));
}

/** Another pod template means other pods; the same one means nothing. */
function patch(cluster: Cluster, match: RegExpExecArray, vault: VaultDirectories): Printed {
  const [, type = '', name = '', namespace, body = ''] = match;
  const found = cluster.workloads.find(
    (one) => one.name === name && one.namespace === namespace && KINDS[one.kind] === type,
  );
  if (found === undefined) return failed(`Error from server (NotFound): ${type} "${name}" not found\n`);
  const { spec } = JSON.parse(body) as { spec: { template: { metadata: Pick<Workload, 'annotations'> } } };
  const before = JSON.stringify(found.annotations);
  found.annotations = { ...found.annotations, ...spec.template.metadata.annotations };
  const isChanged = JSON.stringify(found.annotations) !== before;
  if (isChanged) rollOut(cluster, found, vault);
  return ok(`${type}/${name} patched${isChanged ? '' : ' (no change)'}\n`);
}
