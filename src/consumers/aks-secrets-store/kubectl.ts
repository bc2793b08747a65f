import { createHash } from 'node:crypto';
import { configInvalid } from '../../rotation/errors.ts';
import { listIn, objectIn, textIn } from '../json.ts';
import { objectsIn, type ClassObject } from './objects.ts';

/*
 * The commands, and what they print. A run command is given to a shell with the rights of a cluster's administrator: so it is made of
 * constants, and of names that can be nothing but names. jsonpath instead of JSON where it can be: the output ends at 512 kB (docs: AKS,
 * access-private-cluster).
 */

const CLASSES = 'secretproviderclasses.secrets-store.csi.x-k8s.io';
const STATUSES = 'secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io';
/** What has a pod template that can be changed to get new pods. */
const WORKLOADS = { Deployment: 'deployments.apps', StatefulSet: 'statefulsets.apps', DaemonSet: 'daemonsets.apps' };
const LINE = 'KEYTURN';

/** Lists every class of the cluster. */
export const LIST = `kubectl get ${CLASSES} --all-namespaces -o json`;

/** A class of one namespace, and the annotation that says for which version of an object its pods were made anew. */
export interface ClassName {
  readonly namespace: string;
  readonly name: string;
}

export interface Workload {
  readonly kind: keyof typeof WORKLOADS;
  readonly name: string;
  /** The version that its pods were made anew for. */
  readonly mark: string;
}

/** One pod that has the class mounted. */
export interface Mounted {
  readonly pod: string;
  /** `secret/db-password`, with `/0` behind it where several versions are mounted, and the version. */
  readonly objects: readonly (readonly [id: string, version: string])[];
}

export interface SecretClass extends ClassName {
  /** Lower case. */
  readonly vault: string;
  /** Undefined: it could not be read. `text` is what there is. */
  readonly objects: readonly ClassObject[] | undefined;
  readonly text: string;
}

export interface Look {
  readonly secretClass: SecretClass;
  readonly workloads: readonly Workload[];
  readonly mounted: readonly Mounted[];
}

/** RFC 1123: no character means anything to a shell. @throws CONFIG_INVALID for any other text: names come from rows that were kept */
function named(text: string): string {
  if (/^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw configInvalid('a name in a cluster', [{ path: 'name', message: `'${text.slice(0, 300)}' is none` }]);
}

/** The annotation of pod templates for an object of a class: names in Kubernetes end at 63 characters, names in a vault do not. */
export function annotationFor({ name }: ClassName, object: string): string {
  return `keyturn/${createHash('sha256').update(`${name}/${object.toLowerCase()}`).digest('hex').slice(0, 16)}`;
}

/** Shows the class, the workloads of its namespace with their classes, and what its pods have mounted. */
export function lookAt({ namespace, name }: ClassName, annotation: string): string {
  const at = `-n ${named(namespace)}`;
  const kinds = Object.values(WORKLOADS).join(',');
  const mark = `{.spec.template.metadata.annotations.${annotation}}`;
  const volumes = '{range .spec.template.spec.volumes[*]} {.csi.volumeAttributes.secretProviderClass}{end}';
  const objects = '{range .status.objects[*]} {.id}={.version}{end}';
  return [
    `kubectl get ${CLASSES} ${named(name)} ${at} -o json`,
    `echo ${LINE}`,
    `kubectl get ${kinds} ${at} -o jsonpath='{range .items[*]}{.kind} {.metadata.name} mark=${mark}${volumes}{"\\n"}{end}'`,
    `echo ${LINE}`,
    `kubectl get ${STATUSES} ${at} -o jsonpath='{range .items[*]}{.status.secretProviderClassName} {.status.podName}${objects}{"\\n"}{end}'`,
  ].join(' && ');
}

/** Gives the workloads new pods, which mount the newest version. Done twice, the second time changes nothing. */
export function makeAnew(
  { namespace }: ClassName,
  workloads: readonly Pick<Workload, 'kind' | 'name'>[],
  annotation: string,
  version: string,
): string {
  const annotations = { [annotation]: named(version) };
  const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
  return workloads
    .map(
      ({ kind, name }) =>
        `kubectl patch ${WORKLOADS[kind]} ${named(name)} -n ${named(namespace)} --type merge -p '${patch}'`,
    ) // prettier-ignore
    .join(' && ');
}

/** What `LIST` printed. @returns undefined where that is not whole */
export function classesIn(logs: string): readonly SecretClass[] | undefined {
  const body = jsonIn(logs);
  return body === undefined ? undefined : listIn(objectIn(body), 'items').flatMap(classIn);
}

/** What `lookAt` printed. @returns undefined where that is not whole */
export function lookIn(logs: string, { name }: ClassName): Look | undefined {
  const [json = '', workloads, mounted] = logs.split(new RegExp(`^${LINE}$`, 'm'));
  const body = jsonIn(json);
  const [secretClass] = body === undefined ? [] : classIn(objectIn(body));
  if (secretClass === undefined || workloads === undefined || mounted === undefined) return undefined;
  return {
    secretClass,
    workloads: wordsOf(workloads).flatMap(([kind = '', own = '', mark = '', ...classes]) =>
      isWorkload(kind) && classes.includes(name) ? [{ kind, name: own, mark: mark.replace(/^mark=/, '') }] : [],
    ),
    mounted: wordsOf(mounted)
      .filter(([of]) => of === name)
      .map(([, pod = '', ...objects]) => ({
        pod,
        objects: objects.map((one) => [one.split('=')[0] ?? '', one.split('=')[1] ?? ''] as const),
      })),
  };
}

function classIn(item: unknown): readonly SecretClass[] {
  const metadata = objectIn(item, 'metadata');
  const parameters = objectIn(item, 'spec', 'parameters');
  const [namespace, name] = [textIn(metadata, 'namespace'), textIn(metadata, 'name')];
  const [vault, text] = [textIn(parameters, 'keyvaultName')?.toLowerCase(), textIn(parameters, 'objects')];
  // Of another provider, or of no use.
  if (namespace === undefined || name === undefined || vault === undefined || text === undefined) return [];
  return [{ namespace, name, vault, text, objects: objectsIn(text) }];
}

function isWorkload(kind: string): kind is keyof typeof WORKLOADS {
  return kind in WORKLOADS;
}

function wordsOf(section: string): readonly (readonly string[])[] {
  return section.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim().split(/\s+/)]));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
