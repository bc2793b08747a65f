import type { ArmClient } from '../../azure/arm/client.ts';
import type { Call, Confirmation, Reference, Refreshed, VersionRef } from '../../rotation/ports.ts';
import type { ConsumerAdapter, FoundResource } from '../adapter.ts';
import { referenceIsGone } from '../object-address.ts';
import { KIND, VERBS } from './access.ts';
import { markedAt, withMark, withoutMark } from './mark.ts';
import { leftAlone, operationFailed, refuseBusy } from './refusals.ts';
import { replicasOf, restart, usersOf } from './revisions.ts';
import { setSecrets, setTags } from './secrets.ts';
import { asking, readWorkload, referenceIdOf, secretsFor, type VaultSecret, type Workload } from './workload.ts';

const MINUTE_MS = 60_000;

export interface AppSecretDeps {
  readonly arm: ArmClient;
  /** Whether a secret that names a version is made to name the new one. */
  readonly rewritePinned: boolean;
}

/*
 *   setting (operation) ──ended──▶ set since … ──a minute later: restart who uses it, then the mark──▶ marking (operation) ──▶ pushed
 *
 * Each step may be repeated. Whoever died before its operation was kept begins again: without the mark nothing counts as done.
 */
const STEP = /^(setting|set since|marking) (\S+)$/;
/** Fetching takes seconds, as users have seen [U]; whoever is restarted before it is done gets the old value once more. */
const FETCHING_MS = MINUTE_MS;
/**
 * By then the service has looked by itself, and has restarted who has the secret in its environment (docs: container-apps/manage-secrets.md:
 * every 30 minutes). So that it does not matter whether setting the secrets made it look.
 */
const CYCLE_MS = 35 * MINUTE_MS;
/** Our clock and the service's are not the same. Who was made in this time before the restart was made long after the secrets were set. */
const SKEW_MS = 30_000;

interface Read {
  readonly workload: Workload;
  readonly own: readonly VaultSecret[];
}

/** Secrets of container apps and jobs that come from a vault. A restart fetches nothing (azure-container-apps #856): so they are set again. */
export function containerAppsSecret(deps: AppSecretDeps): ConsumerAdapter {
  const { arm } = deps;

  /** @throws TARGET_NOT_FOUND when it has no such secret any more */
  async function read(reference: Reference, version: VersionRef, call: Call): Promise<Read> {
    const workload = await readWorkload(arm, reference.parent, call);
    const all = secretsFor(workload, version.object);
    const own = all.filter((one) => referenceIdOf(reference.parent, one) === reference.id);
    if (own.length === 0) throw referenceIsGone(reference, version);
    return { workload, own };
  }

  async function setAgain({ workload, own }: Read, version: VersionRef, call: Call): Promise<Refreshed> {
    refuseBusy(workload);
    const pinned = own.filter(({ address }) => address.version !== undefined);
    const urls = new Map(pinned.map(({ name, url }) => [name, withVersion(url, version.version)]));
    const tags = withoutMark(workload.tags, [version, own]);
    const change = { urls, ...(tags === undefined ? {} : { tags }) };
    const operation = await setSecrets(arm, workload, change, version, call);
    return { is: 'running', operation: operation === undefined ? setNow(call) : `setting ${operation}` };
  }

  async function giveOut({ workload, own }: Read, version: VersionRef, call: Call): Promise<Refreshed> {
    refuseBusy(workload);
    const { id, isJob, tags } = workload;
    const users = isJob ? [] : await usersOf(arm, id, namesOf(own), call);
    for (const revision of users) await restart(arm, id, revision, call);
    const operation = await setTags(arm, workload, withMark(tags, [version, own], call.now()), call);
    return operation === undefined ? { is: 'pushed' } : { is: 'running', operation: `marking ${operation}` };
  }

  /** The replicas that were there before it was restarted; nobody can tell what those have. */
  async function olderThan(at: Date, { workload, own }: Read, call: Call): Promise<readonly string[]> {
    const older: string[] = [];
    for (const revision of await usersOf(arm, workload.id, namesOf(own), call)) {
      const replicas = await replicasOf(arm, workload.id, revision, call);
      const isOld = replicas.filter(({ createdMs = 0 }) => createdMs < at.getTime() - SKEW_MS);
      older.push(...isOld.map(({ name }) => name));
    }
    return older;
  }

  return {
    kind: KIND,
    // A certificate's secret has the certificate's name and versions.
    objects: ['secret', 'certificate'],
    types: ['microsoft.app/containerapps', 'microsoft.app/jobs'],
    inGraph: true,
    // The cycle is waited for, and new replicas may take their time to start [U].
    lagMs: { pushed: 120 * MINUTE_MS, follows: 30 * MINUTE_MS },

    async find({ id }: FoundResource, object, call) {
      const found = new Map<string, Reference>();
      for (const secret of secretsFor(await readWorkload(arm, id, call), object)) {
        const base = { kind: KIND, id: referenceIdOf(id, secret), parent: id, hosts: [] };
        const { version } = secret.address;
        found.set(base.id, version === undefined ? base : { ...base, pinned: version });
      }
      return [...found.values()];
    },

    async refresh(reference, version, operation, call): Promise<Refreshed> {
      const { workload, own } = await read(reference, version, call);
      const left = leftAlone(workload, own, version, deps.rewritePinned);
      if (left !== undefined) return left;
      const [, step, rest = ''] = STEP.exec(operation ?? '') ?? [];
      const same: Refreshed = { is: 'running', operation: operation ?? '' };
      if (step === 'set since') {
        const isOver = call.now().getTime() - Date.parse(rest) >= FETCHING_MS;
        return isOver ? giveOut({ workload, own }, version, call) : same;
      }
      if (step !== undefined) {
        const state = await arm.stateOf(rest, asking(workload.id, 'PATCH', VERBS.write), call);
        if (state.is === 'running') return same;
        if (state.is === 'failed') throw operationFailed(workload.id, state, version);
        if (state.is === 'succeeded')
          return step === 'marking' ? { is: 'pushed' } : { is: 'running', operation: setNow(call) };
        if (step === 'marking' && markedAt(workload.tags, [version, own]) !== undefined) return { is: 'pushed' };
        // Canceled for somebody else's change, or forgotten: it is begun again.
      }
      return setAgain({ workload, own }, version, call);
    },

    async confirm(reference, version, call): Promise<Confirmation> {
      const { workload, own } = await read(reference, version, call);
      const { id, isJob } = workload;
      const names = namesOf(own).join(', ');
      const older = own.find(({ address }) => address.version !== undefined && !isOf(version, address.version));
      if (older !== undefined)
        return {
          is: 'pending',
          detail: `the secret ${older.name} of ${id} names version ${older.address.version ?? ''}`,
        };
      const at = markedAt(workload.tags, [version, own]);
      if (at === undefined)
        return { is: 'pending', detail: `${names} of ${id} was not set again for version ${version.version}` };
      // One that names a version must have been fetched when its URL was set; the others when the service has looked for sure.
      const isNamed = own.every(({ address }) => address.version !== undefined);
      const due = at.getTime() + (isNamed ? 0 : CYCLE_MS);
      const restarted = isJob ? '' : ', and the revisions that use it were restarted,';
      const done = `${names} of ${id} was set again${restarted} at ${at.toISOString()}`;
      if (call.now().getTime() < due)
        return {
          is: 'pending',
          detail: `${done}; the service looks for new versions until ${new Date(due).toISOString()}`,
        };
      const [old] = isJob ? [] : await olderThan(at, { workload, own }, call);
      if (old !== undefined) return { is: 'pending', detail: `${done}, and ${old} runs since before` };
      return { is: 'adopted', ...proofOf(done, isNamed, isJob, version) };
    },
  };
}

/** What can be seen, and what cannot. */
function proofOf(done: string, isNamed: boolean, isJob: boolean, { version }: VersionRef) {
  const running = isJob
    ? 'executions that run since before keep the old value'
    : 'no replica of a revision that uses it is older';
  return isNamed
    ? ({ proof: 'resolved-version', detail: `its URL names version ${version}; ${done}; ${running}` } as const)
    : ({
        proof: 'control-plane',
        detail: `${done}; the service's own look every 30 minutes has come since; ${running}; which version it has, Azure does not show`,
      } as const);
}

function setNow(call: Call): string {
  return `set since ${call.now().toISOString()}`;
}

function namesOf(secrets: readonly VaultSecret[]): readonly string[] {
  return secrets.map(({ name }) => name);
}

function isOf({ version }: VersionRef, named: string): boolean {
  return version.toLowerCase() === named;
}

/** The URL of the same secret in another version. */
function withVersion(url: string, version: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${[...pathname.split('/').slice(0, 3), version].join('/')}`;
}
