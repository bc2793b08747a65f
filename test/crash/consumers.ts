import { expect } from 'vitest';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ArmClient } from '../../src/azure/arm/client.ts';
import type { RestClient } from '../../src/azure/rest.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { bring } from '../../src/rotation/adoption/bring.ts';
import { found } from '../../src/rotation/adoption/machine.ts';
import { isSettled, type Standing } from '../../src/rotation/adoption/record.ts';
import type { ProofKind, Reference, VersionRef } from '../../src/rotation/ports.ts';
import type { ConsumerCloud } from '../support/consumer-cloud.ts';

/**
 * The engine's own steps over real adapters and the wire, killed before and after every call to a service: nothing of that delivery is kept
 * then, and the next one goes on from the row as it was.
 */
class Killed extends Error {}

interface Kill {
  readonly call: number;
  readonly when: 'before' | 'after';
}

/** Where the scenes are played, and the version that everybody is to have in the end. */
export interface Stage {
  readonly cloud: ConsumerCloud;
  readonly fresh: VersionRef;
}

export interface Scene {
  readonly resource: Resource;
  /** Who else goes when it is over. */
  readonly others?: readonly Resource[];
  /** @param wire makes a client of another service count, and be killed, like ARM */
  readonly adapter: (arm: ArmClient, wire: (rest: RestClient) => RestClient) => ConsumerAdapter;
  /** Between two deliveries: what must hold at any time, and what others do. */
  readonly meanwhile: () => void;
  readonly isDone: () => void;
}

interface Ended extends Pick<Scene, 'isDone'> {
  readonly standing: Standing;
  readonly calls: number;
}

/** Plays the scene whole, then once for each place to be killed at. @param boundaries how often it calls ARM */
export async function endsTheSame(
  stage: Stage,
  make: () => Scene,
  boundaries: number,
  kind: ProofKind = 'handshake',
): Promise<void> {
  const whole = await runThrough(stage, make, undefined);
  expect(whole.standing).toMatchObject({ state: 'verified', proof: { kind } });
  whole.isDone();
  expect(whole.calls).toBe(boundaries);
  for (let call = 1; call <= whole.calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const { standing, isDone } = await runThrough(stage, make, { call, when });
      expect({ call, when, state: standing.state }).toEqual({ call, when, state: 'verified' });
      isDone();
    }
  }
  console.info(
    `crash suite ${whole.standing.kind}: killed before and after ${whole.calls} calls, everybody ends with the version`,
  );
}

/** @param count how often its services were called in this life, and on */
function killable(scene: Scene, arm: ArmClient, kill: Kill | undefined, count: { calls: number }): ConsumerAdapter {
  let isDead = false;
  const wrapped = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Killed();
    count.calls += 1;
    const isLast = count.calls === kill?.call;
    if (isLast) isDead = true;
    if (isLast && kill.when === 'before') throw new Killed();
    const result = await work();
    if (isLast) throw new Killed();
    return result;
  };
  const counted: ArmClient = {
    ...arm,
    start: (request, call) => wrapped(() => arm.start(request, call)),
    stateOf: (operation, request, call) => wrapped(() => arm.stateOf(operation, request, call)),
  };
  return scene.adapter(counted, (rest) => ({ send: (request, call) => wrapped(() => rest.send(request, call)) }));
}

/** Delivers until it is settled. @param kill where the first life ends */
async function runThrough({ cloud, fresh }: Stage, make: () => Scene, kill: Kill | undefined): Promise<Ended> {
  const scene = make();
  const count = { calls: 0 };
  const candidate = { id: scene.resource.id, type: '', location: '' };
  const [reference] = await scene.adapter(cloud.client, (rest) => rest).find(candidate, fresh.object, cloud.call());
  let standing = found(reference as Reference, undefined, cloud.ctx.clock.now());
  for (let n = 0; n < 60 && !isSettled(standing); n += 1) {
    standing = await delivered({ cloud, fresh }, killable(scene, cloud.client, kill, count), standing);
    scene.meanwhile();
    cloud.ctx.clock.advance(Math.max(1000, Date.parse(standing.nextAt ?? '') - cloud.ctx.clock.now().getTime() || 0));
  }
  for (const { id } of [scene.resource, ...(scene.others ?? [])]) cloud.arm.resources.remove(id);
  return { standing, calls: count.calls, isDone: scene.isDone };
}

async function delivered({ cloud, fresh }: Stage, adapter: ConsumerAdapter, standing: Standing): Promise<Standing> {
  try {
    return await bring(
      {
        adapter,
        version: fresh,
        ask: (_what, work) => work(cloud.call()),
        takeParent: async () => true,
        now: () => cloud.ctx.clock.now(),
        random: () => 0,
        tell: ({ code, message }) => ({ code, message }),
        isOver: () => false,
      },
      standing,
    );
  } catch (error) {
    if (error instanceof Killed) return standing;
    throw error;
  }
}
