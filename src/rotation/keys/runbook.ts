import { CallScope } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { RotationError, type ErrorCode } from '../errors.ts';
import type { Decision } from '../policy.ts';
import type { KeyRotationPolicy, KeyUse, ManagedKey, ObjectRef } from '../ports.ts';
import { REQUEST_MS, start, type StartRequest } from '../runbook.ts';
import { keyUrl, lookAt, notManaged } from './look.ts';
import type { Seen } from '../vault-made/look.ts';
import { decideVaultMade } from '../vault-made/due.ts';
import { refuseForeign, userOf } from './users.ts';
import { vaultRotatesAt } from './vault-policy.ts';

/** As for a secret. @throws CONFLICT, REQUEST_INVALID, what reading the key throws. Nothing was enqueued then */
export function startKey(engine: Engine, request: StartRequest): ReturnType<typeof start> {
  return start(engine, request, managedKeyOf);
}

/** @throws REQUEST_INVALID when no tag claims the key, or it backs a certificate */
export async function managedKeyOf(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
): Promise<{ readonly managed: ManagedKey; readonly seen: Seen }> {
  const seen = await lookAt(engine, (what, work) => scope.run(what, work), object);
  const managed = seen.current.managed ? undefined : engine.configuration.managedKey(seen.tags);
  if (managed !== undefined) return { managed, seen };
  throw new RotationError({
    code: 'REQUEST_INVALID',
    recovery: 'reconfigure',
    message: seen.current.managed
      ? `${keyUrl(object)} backs a certificate, which renews it`
      : `the key is not managed: ${notManaged(object)}`,
    remedy: seen.current.managed ? 'Renew the certificate.' : 'Tag it first: docs/runbook.md, "Keys".',
  });
}

export interface KeyUserPlan {
  readonly user: string;
  readonly kind?: string;
  readonly follows?: KeyUse['follows'];
  /** The version in use, where the service tells. */
  readonly version?: string;
}

export interface KeyDryRun {
  readonly due: boolean;
  readonly reason: string;
  readonly detail: string;
  readonly rotator: string;
  readonly system: string;
  readonly from: { readonly version: string };
  /** When the vault makes the next version by its own policy. */
  readonly vaultRotatesAt?: string;
  readonly users: readonly KeyUserPlan[];
  /** What would be called, in order. */
  readonly calls: readonly string[];
  readonly blockedBy: readonly Obstacle[];
}

interface Obstacle {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}

/** What `startKey` would lead to, found out by reading; nothing is changed. */
export async function dryRunKey(engine: Engine, request: StartRequest): Promise<KeyDryRun> {
  const scope = new CallScope(engine.clock, REQUEST_MS);
  const { object } = request;
  const { managed, seen } = await managedKeyOf(engine, scope, object);
  const { current } = seen;
  const decision: Decision = decideVaultMade({
    now: engine.clock.now(),
    trigger: request.reason,
    force: request.force,
    current,
    policy: managed.policy,
  });
  const blockedBy: Obstacle[] = decision.due ? [] : [{ code: 'CONFLICT', message: decision.detail }];
  const own = await rotationPolicy(engine, scope, object, blockedBy);
  const at = own === undefined ? undefined : vaultRotatesAt(own, current);
  const users: KeyUserPlan[] = [];
  const moves: string[] = [];
  for (const id of managed.users) users.push(await planOf(engine, scope, object, id, moves, blockedBy));
  return {
    due: decision.due,
    reason: decision.reason,
    detail: decision.detail,
    rotator: managed.rotator,
    system: keyUrl(object),
    from: { version: current.version },
    ...(at === undefined ? {} : { vaultRotatesAt: at.toISOString() }),
    users,
    calls: [`POST ${keyUrl(object)}/rotate (the vault makes a new version; the old one stays enabled)`, ...moves],
    blockedBy,
  };
}

async function rotationPolicy(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  blockedBy: Obstacle[],
): Promise<KeyRotationPolicy | undefined> {
  try {
    return await scope.run('reading the rotation policy', (call) => engine.keys.rotationPolicy(object, call));
  } catch (error) {
    blockedBy.push(obstacle(error));
    return undefined;
  }
}

async function planOf(
  engine: Engine,
  scope: CallScope,
  object: ObjectRef,
  id: string,
  moves: string[],
  blockedBy: Obstacle[],
): Promise<KeyUserPlan> {
  try {
    const user = userOf(engine.keyUsers, id);
    const use = await scope.run(`reading ${id}`, (call) => user.read(id, call));
    const plan = { user: id, kind: user.kind, follows: use.follows };
    refuseForeign(id, use, object);
    if (use.follows === 'pinned') moves.push(...user.describe(id, object));
    return use.version === undefined ? plan : { ...plan, version: use.version };
  } catch (error) {
    blockedBy.push(obstacle(error));
    return { user: id };
  }
}

/** @throws what is no `RotationError`: a bug */
function obstacle(error: unknown): Obstacle {
  if (!(error instanceof RotationError)) throw error;
  const { code, message, remedy } = error;
  return { code, message, ...(remedy === undefined ? {} : { remedy }) };
}
