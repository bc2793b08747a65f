import { CallScope } from '../calls.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import type { Engine } from '../engine.ts';
import { RotationError, type ErrorCode } from '../errors.ts';
import type { ManagedCertificate, ObjectRef } from '../ports.ts';
import { REQUEST_MS, start, type StartRequest } from '../runbook.ts';
import { azArguments, certificateUrl, lookAt, notManaged, type SeenCertificate } from './look.ts';
import { isSignedByPerson, vaultRenewsAt, whyNotRenewed } from './vault-policy.ts';

/** As for a secret. @throws CONFLICT, REQUEST_INVALID, what reading the certificate throws. Nothing was enqueued then */
export function startCertificate(engine: Engine, request: StartRequest): ReturnType<typeof start> {
  return start(engine, request, managedCertificateOf);
}

/** @throws REQUEST_INVALID when it is not renewed here */
async function managedCertificateOf(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
): Promise<{ readonly managed: ManagedCertificate; readonly seen: SeenCertificate }> {
  const seen = await lookAt(engine, (what, work) => scope.run(what, work), object);
  const managed = engine.configuration.managedCertificate(seen.tags);
  if (managed !== undefined) return { managed, seen };
  throw new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'reconfigure',
    message: `the certificate is not renewed here: ${notManaged(object)}`,
    remedy: `Tag it first: az keyvault certificate set-attributes ${azArguments(object)} --tags Rotator=vault-certificate (give every tag: those left out are removed).`,
  });
}

export interface CertificateDryRun {
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly rotator: string;
  readonly system: string;
  readonly from: { readonly version: string; readonly expiresOn?: string };
  readonly issuer: string;
  /** When the vault makes the next version by its own policy. */
  readonly vaultRenewsAt?: string;
  /** Why the vault will not renew it by itself, in time. */
  readonly vaultWillNot?: string;
  /** The vault's last attempt, or that of a person. */
  readonly operation?: { readonly status: string; readonly detail?: string };
  /** Who is known to use it, by ARM id; GET /api/consumers tells where they stand. */
  readonly consumers: readonly string[];
  /** What would be called, in order. */
  readonly calls: readonly string[];
  readonly blockedBy: readonly { readonly code: ErrorCode; readonly message: string; readonly remedy?: string }[];
}

/** What `startCertificate` would lead to, found out by reading; nothing is changed. */
export async function dryRunCertificate(engine: Engine, request: StartRequest): Promise<CertificateDryRun> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object, reason: trigger, force } = request;
  const { managed, seen } = await managedCertificateOf(engine, scope, object);
  const { current } = seen;
  const now = engine.clock.now();
  const { due, reason, detail } = decideVaultMade({ now, trigger, force, current, policy: managed.policy });
  const policy = await scope.run('reading the policy', (call) => engine.certificates.policy(object, call));
  const operation = await scope.run('reading its last operation', (call) =>
    engine.certificates.operation(object, call),
  );
  const adoption = await scope.run('reading who uses it', (call) => engine.adoptions.read(object, call));
  const at = vaultRenewsAt(policy, current);
  const why = whyNotRenewed(policy, operation, current, now);
  const reused = trigger === 'compromised' && policy.reuseKey;
  return {
    ...{ due, reason, detail, rotator: managed.rotator, system: certificateUrl(object), issuer: policy.issuer },
    from: {
      version: current.version,
      ...(current.expiresOn === undefined ? {} : { expiresOn: current.expiresOn.toISOString() }),
    },
    ...(at === undefined ? {} : { vaultRenewsAt: at.toISOString() }),
    ...(why === undefined ? {} : { vaultWillNot: why }),
    ...(operation === undefined ? {} : { operation: statusOf(operation) }),
    consumers: adoption?.record.consumers.map(({ id }) => id) ?? [],
    calls: callsOf(object, isSignedByPerson(policy), operation?.status === 'inProgress'),
    blockedBy: [
      ...(due ? [] : [{ code: 'CONFLICT' as const, message: detail }]),
      ...(reused
        ? [{ code: 'CONFIG_INVALID' as const, message: 'policy.key_props.reuse_key is true: the key would stay' }]
        : []),
    ],
  };
}

function statusOf({ status, detail }: { readonly status: string; readonly detail?: string }): {
  readonly status: string;
  readonly detail?: string;
} {
  return { status, ...(detail === undefined ? {} : { detail }) };
}

function callsOf(object: ObjectRef, byPerson: boolean, begun: boolean): readonly string[] {
  const url = certificateUrl(object);
  return [
    begun
      ? `GET ${url}/pending (one is being made already, and is followed)`
      : `POST ${url}/create (the vault makes a version by the certificate's own policy; old versions stay enabled)`,
    ...(byPerson ? [`POST ${url}/pending/merge (with the answer to its request, once a person brings it)`] : []),
    'then the consumers that follow, or are allowed to be changed: POST /api/propagations with "dryRun":true finds them',
  ];
}
