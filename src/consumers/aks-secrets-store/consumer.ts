import type { Call, Confirmation, ObjectRef, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { refersTo, referenceIsGone } from '../object-address.ts';
import { KIND } from './access.ts';
import * as kubectl from './kubectl.ts';
import type { ClassName, Look, SecretClass } from './kubectl.ts';
import * as refuse from './refusals.ts';
import { resultOf, runCommand, startCommand, type Ended, type RunCommandDeps } from './run-command.ts';
import type { ClassObject } from './objects.ts';

const HOUR_MS = 3_600_000;

/** `looking <address>`, then `restarting <address>`: each the address of its command's result. */
const STEP = /^(looking|restarting) (\S+)$/;

/**
 * SecretProviderClasses of the Azure Key Vault provider in AKS. The driver brings new versions into the files of running pods by itself, if
 * it is told to; their processes and environments have them when the pods are made anew. Everything is asked and done by commands that run
 * with an administrator's rights: so clusters are asked only where the settings say so.
 */
export function aksSecretsStore(deps: RunCommandDeps): ConsumerAdapter {
  /** The first step that is not done. */
  async function startLooking(reference: Reference, version: VersionRef, call: Call): Promise<Refreshed> {
    const command = kubectl.lookAt(classOf(reference), annotationOf(reference, version));
    return { is: 'running', operation: `looking ${await startCommand(deps, reference.parent, command, call)}` };
  }

  async function goOn(reference: Reference, look: Look, version: VersionRef, call: Call): Promise<Refreshed> {
    const own = ownIn(look, reference, version);
    const pinned = own.find((one) => one.version !== undefined && one.version !== version.version)?.version;
    if (pinned !== undefined) return refuse.pinnedIsLeft(reference, classOf(reference), pinned);
    // Pods of no workload, or of jobs: nobody makes them anew but who has made them.
    if (look.workloads.length === 0) return { is: 'follows' };
    const annotation = annotationOf(reference, version);
    const command = kubectl.makeAnew(classOf(reference), look.workloads, annotation, version.version);
    return { is: 'running', operation: `restarting ${await startCommand(deps, reference.parent, command, call)}` };
  }

  return {
    kind: KIND,
    objects: ['secret', 'certificate'],
    types: ['microsoft.containerservice/managedclusters'],
    inGraph: false,
    // How long workloads take to get new pods is their own affair. The driver looks every two minutes where it is told to look at all.
    lagMs: { pushed: HOUR_MS, follows: HOUR_MS },

    async find({ id }: FoundResource, object, call) {
      const ended = await runCommand(deps, id, kubectl.LIST, call);
      if (refuse.hasNoDriver(ended)) return [];
      if (ended.exitCode !== 0) throw refuse.exitedBadly(id, ended);
      const classes = kubectl.classesIn(ended.logs);
      if (classes === undefined) throw refuse.unreadable(id, 'the list of classes is not whole; output ends at 512 kB');
      return classes.flatMap((one) => referencesOf(id, one, object));
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const [, step, address] = STEP.exec(operation ?? '') ?? [];
      if (address === undefined) return startLooking(reference, version, call);
      const ended = await resultOf(deps, reference.parent, address, call);
      if (ended === 'running') return { is: 'running', operation: `${step} ${address}` };
      // AKS forgets results after a while: looking once more is harmless.
      if (ended === undefined) return startLooking(reference, version, call);
      if (step === 'looking') return goOn(reference, looked(reference, ended, version), version, call);
      if (ended.exitCode === 0) return { is: 'pushed' };
      const error = refuse.exitedBadly(reference.parent, ended);
      // A workload was deleted in between; the class may be there still.
      if (error.code === 'TARGET_NOT_FOUND') return startLooking(reference, version, call);
      throw error;
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const command = kubectl.lookAt(classOf(reference), annotationOf(reference, version));
      const look = looked(reference, await runCommand(deps, reference.parent, command, call), version);
      return verdictOn(look, ownIn(look, reference, version), reference, version);
    },
  };
}

/** @throws TARGET_NOT_FOUND when the class is gone */
function looked(reference: Reference, ended: Ended, version: VersionRef): Look {
  if (ended.exitCode !== 0) {
    const error = refuse.exitedBadly(reference.parent, ended);
    throw error.code === 'TARGET_NOT_FOUND' ? referenceIsGone(reference, version) : error;
  }
  const look = kubectl.lookIn(ended.logs, classOf(reference));
  if (look === undefined) throw refuse.unreadable(reference.parent, 'a part of the output is missing');
  return look;
}

function verdictOn(
  { mounted, workloads }: Look,
  own: readonly ClassObject[],
  { id }: Reference,
  { version }: VersionRef,
): Confirmation {
  const pinned = own.find((one) => one.version !== undefined && one.version !== version)?.version;
  if (pinned !== undefined) return { is: 'pending', detail: `${id} names version ${pinned}` };
  for (const { pod, objects } of mounted) {
    for (const [object, has] of objects) {
      const isOurs = own.some(({ type, name }) => isId(object, `${type}/${name}`));
      if (isOurs && has !== version) return { is: 'pending', detail: `the pod ${pod} has mounted ${object} ${has}` };
    }
  }
  const late = workloads.find(({ mark }) => mark !== version);
  if (late !== undefined) {
    return { is: 'pending', detail: `${late.kind} ${late.name} has no pods that were made for version ${version} yet` };
  }
  if (mounted.length === 0) {
    const detail = `no pod has ${id} mounted; the next one takes the newest version`;
    return { is: 'adopted', proof: 'control-plane', detail };
  }
  const loose = workloads.length === 0 ? '; they belong to no workload, and may have read the old one before' : '';
  const detail = `${mounted.length} pods have mounted version ${version}, as the driver says${loose}`;
  return { is: 'adopted', proof: 'resolved-version', detail };
}

/** Index 0 is the newest of several versions (`objectVersionHistory`). */
function isId(id: string, own: string): boolean {
  const lower = id.toLowerCase();
  return lower === own.toLowerCase() || lower === `${own.toLowerCase()}/0`;
}

function referencesOf(clusterId: string, secretClass: SecretClass, object: ObjectRef): readonly Reference[] {
  const { namespace, name, vault, objects, text } = secretClass;
  if (objects === undefined && vaultIs(vault, object) && text.toLowerCase().includes(object.name.toLowerCase()))
    throw refuse.unreadable(clusterId, `the objects of the SecretProviderClass ${name} of ${namespace}`);
  const own = entriesFor(secretClass, object);
  const [first] = own;
  if (first === undefined) return [];
  const pinned = own.find(({ version }) => version !== undefined)?.version;
  const base = { kind: KIND, id: `${clusterId}#${namespace}/${name}`, parent: clusterId, hosts: [] };
  return [pinned === undefined ? base : { ...base, pinned }];
}

/** A certificate can be mounted as its secret, too; a key is none of ours. */
function entriesFor({ vault, objects }: SecretClass, object: ObjectRef): readonly ClassObject[] {
  const types = object.kind === 'certificate' ? ['secret', 'cert'] : ['secret'];
  return (objects ?? []).filter(
    ({ name, type }) => types.includes(type) && refersTo({ vault, name: name.toLowerCase() }, object),
  );
}

function vaultIs(vault: string, object: ObjectRef): boolean {
  return refersTo({ vault, name: object.name.toLowerCase() }, object);
}

/** @throws TARGET_NOT_FOUND when the class has another object now */
function ownIn({ secretClass }: Look, reference: Reference, version: VersionRef): readonly ClassObject[] {
  const own = entriesFor(secretClass, version.object);
  if (own.length === 0) throw referenceIsGone(reference, version);
  return own;
}

function classOf({ id }: Reference): ClassName {
  const [namespace = '', name = ''] = (id.split('#')[1] ?? '').split('/');
  return { namespace, name };
}

function annotationOf(reference: Reference, { object }: VersionRef): string {
  return kubectl.annotationFor(classOf(reference), object.name);
}
