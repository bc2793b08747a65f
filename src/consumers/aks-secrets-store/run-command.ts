import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { ownToken, type RestIdentity } from '../../azure/rest.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath } from '../arm-id.ts';
import { objectIn, textIn, type Json } from '../json.ts';
import { withoutAnswer } from '../silent.ts';
import { ACTIONS, ROLE } from './access.ts';
import * as refuse from './refusals.ts';

export interface RunCommandDeps {
  readonly arm: ArmClient;
  readonly credential: RestIdentity['credential'];
}

/** A command that has ended. */
export interface Ended {
  readonly exitCode: number;
  readonly logs: string;
}

const API_VERSION = '2026-04-01';
/** The application of all clusters that log in by Entra: their run command acts with a token for it (azure-cli, `aks command invoke`). */
const AKS_SERVER = '6dae42f8-4368-4678-94ff-3960e28e3630';

function about(clusterId: string, below = ''): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  return {
    path: `${armPath(clusterId)}${below}`,
    query: { 'api-version': API_VERSION },
    scope: clusterId,
    role: ROLE,
    found: true,
  };
}

/**
 * Starts a command in the cluster. It counts as a change whatever it does: a pod is made for it.
 * @returns where its result can be asked for @throws HUMAN_REQUIRED where the cluster runs no commands; else as `ArmClient.start` does
 */
export async function startCommand(
  { arm, credential }: RunCommandDeps,
  clusterId: string,
  command: string,
  call: Call,
): Promise<string> {
  const read = { method: 'GET', action: ACTIONS.read, mutates: false } as const;
  const outcome = await arm.start({ ...about(clusterId), ...read }, call);
  const properties = objectIn('body' in outcome ? outcome.body : undefined, 'properties');
  refuse.whoeverRunsNone(clusterId, properties);
  const run = { method: 'POST', action: ACTIONS.run, mutates: true } as const;
  const body = { command, ...(await tokenFor(properties, credential, call)) };
  const started = await sent(arm, { ...about(clusterId, '/runCommand'), ...run, body }, call);
  if ('operation' in started) return started.operation;
  throw refuse.unreadable(clusterId, 'the command was answered at once, without a result to ask for');
}

/** An answer that quotes the token that was sent must not be quoted in turn; every token begins like that. */
async function sent(arm: ArmClient, request: ArmRequest, call: Call): ReturnType<ArmClient['start']> {
  try {
    return await arm.start(request, call);
  } catch (error) {
    if (!(error instanceof RotationError) || !error.message.includes('eyJ')) throw error;
    throw withoutAnswer(error, request, 'command and token');
  }
}

/** A secret, which goes into the body and nowhere else. */
async function tokenFor(
  properties: Json,
  credential: RestIdentity['credential'],
  { signal }: Call,
): Promise<{ readonly clusterToken?: string }> {
  if (objectIn(properties, 'aadProfile')['managed'] !== true) return {};
  const { token } = await ownToken({ credential, scope: `${AKS_SERVER}/.default` }, { abortSignal: signal });
  return { clusterToken: token };
}

/** Asks once, and twice where it has ended. @returns undefined where the command is not known any more @throws as `ArmClient.stateOf` does */
export async function resultOf(
  { arm }: RunCommandDeps,
  clusterId: string,
  operation: string,
  call: Call,
): Promise<Ended | 'running' | undefined> {
  const request = reading(clusterId);
  const state = await arm.stateOf(operation, request, call);
  if (state.is === 'running') return 'running';
  if (state.is === 'forgotten') return undefined;
  if (state.is === 'failed' || state.is === 'canceled')
    throw refuse.commandFailed(clusterId, `${state.code}: ${state.message}`);
  // Only whether it has ended is told by the client: what it printed is read again, from ARM and nobody else.
  const { pathname, searchParams } = new URL(operation);
  const outcome = await arm.start({ ...request, path: pathname, query: Object.fromEntries(searchParams) }, call);
  return 'operation' in outcome ? 'running' : endedIn(clusterId, outcome.body);
}

function reading(clusterId: string): ArmRequest {
  return { ...about(clusterId), method: 'GET', action: ACTIONS.result, mutates: false };
}

function endedIn(clusterId: string, body: unknown): Ended | 'running' {
  const properties = objectIn(body, 'properties');
  const exitCode = properties['exitCode'];
  if (typeof exitCode === 'number') return { exitCode, logs: textIn(properties, 'logs') ?? '' };
  const state = textIn(properties, 'provisioningState') ?? '';
  if (/^(?:Failed|Canceled)$/i.test(state))
    throw refuse.commandFailed(clusterId, textIn(properties, 'reason') ?? state);
  return 'running';
}

/**
 * Runs a command and waits for it, half a minute at most. For what only shows something.
 * @throws UNAVAILABLE when it takes longer
 */
export async function runCommand(deps: RunCommandDeps, clusterId: string, command: string, call: Call): Promise<Ended> {
  const operation = await startCommand(deps, clusterId, command, call);
  await deps.arm.follow({ request: reading(clusterId), poll: new URL(operation) }, call);
  const ended = await resultOf(deps, clusterId, operation, call);
  if (ended !== undefined && ended !== 'running') return ended;
  throw refuse.tooSlow(clusterId);
}
