import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../../sandbox/arm/service.ts';
import type { ArmClient } from '../../src/azure/arm/client.ts';
import type { ConsumerAdapter } from '../../src/consumers/adapter.ts';
import { applicationGateway } from '../../src/consumers/application-gateway/consumer.ts';
import { frontDoor } from '../../src/consumers/front-door/consumer.ts';
import { bring } from '../../src/rotation/adoption/bring.ts';
import { found } from '../../src/rotation/adoption/machine.ts';
import { isSettled, type Standing } from '../../src/rotation/adoption/record.ts';
import type { Reference, VersionRef } from '../../src/rotation/ports.ts';
import { makeGateway, urlsOf } from '../contract/application-gateway.stage.ts';
import { makeProfile, TLS } from '../contract/front-door.stage.ts';
import { startConsumerCloud, type ConsumerCloud } from '../support/consumer-cloud.ts';

/**
 * The engine's own steps over real adapters and the wire, killed before and after every call to ARM: nothing of that delivery is kept
 * then, and the next one goes on from the row as it was.
 */
class Killed extends Error {}

interface Kill {
  readonly call: number;
  readonly when: 'before' | 'after';
}

interface Scene {
  readonly resource: Resource;
  readonly adapter: (arm: ArmClient) => ConsumerAdapter;
  /** Between two deliveries. */
  readonly meanwhile: () => void;
  readonly isDone: () => void;
}

interface Ended extends Pick<Scene, 'isDone'> {
  readonly standing: Standing;
  readonly calls: number;
}

const HOST = 'www.sandbox.test';
let cloud: ConsumerCloud;
let old: VersionRef;
let fresh: VersionRef;

beforeAll(async () => {
  cloud = await startConsumerCloud();
  old = await cloud.vault.make('web', { names: [HOST] });
  cloud.ctx.clock.advance(1000);
  fresh = await cloud.vault.make('web', { names: [HOST] });
});
afterAll(() => cloud.stop());

function gatewayScene(url: string): Scene {
  const { resource, gateway } = makeGateway(cloud, { tls: url }, [{ certificate: 'tls', hosts: [HOST] }]);
  const before = cloud.vault.lookUp('kv', 'web', old.version);
  if (before !== undefined) gateway.held.set('tls', before);
  return {
    resource,
    adapter: (arm) => applicationGateway({ arm, clock: cloud.clock, rewritePinned: true }),
    meanwhile: () => undefined,
    isDone() {
      expect(urlsOf(gateway)[0]).toMatch(/\/secrets\/web\/?$/);
      expect(gateway.body).toMatchObject({ zones: ['1', '2'], tags: { owner: 'shop' } });
      expect(gateway.provisioningState).toBe('Succeeded');
    },
  };
}

function profileScene(): Scene {
  const { resource, profile } = makeProfile(cloud, [
    { secret: 'cert', certificate: 'web', pinned: old.version, hosts: [HOST] },
  ]);
  return {
    resource,
    adapter: (arm) =>
      frontDoor({ arm, clock: cloud.clock, rewritePinned: true, frontDoor: 'push', port: cloud.front.port }),
    // Deployed before the next delivery.
    meanwhile: () => profile.domains.forEach((domain) => (domain.deployedMs = 0)),
    isDone() {
      expect([...profile.secrets.keys()]).toEqual([`cert-${fresh.version}`]);
      for (const { tls } of profile.domains.values()) expect(tls).toEqual(TLS);
    },
  };
}

const SCENES: readonly (readonly [name: string, make: () => Scene, boundaries: number])[] = [
  ['a gateway that follows is nudged', () => gatewayScene(cloud.vault.url('web')), 6],
  ['a gateway that names a version is made to follow', () => gatewayScene(cloud.vault.url('web', old.version)), 7],
  ['a profile is given a new secret', profileScene, 27],
];

/** @param count how often ARM was called in this life, and on */
function killable(arm: ArmClient, kill: Kill | undefined, count: { calls: number }): ArmClient {
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
  return {
    ...arm,
    start: (request, call) => wrapped(() => arm.start(request, call)),
    stateOf: (operation, request, call) => wrapped(() => arm.stateOf(operation, request, call)),
  };
}

/** Delivers until it is settled. Whoever connects meanwhile meets the old or the new certificate, and never nothing. */
async function runThrough(make: () => Scene, kill: Kill | undefined): Promise<Ended> {
  const scene = make();
  const count = { calls: 0 };
  const candidate = { id: scene.resource.id, type: '', location: '' };
  const [reference] = await scene.adapter(cloud.client).find(candidate, fresh.object, cloud.call());
  let standing = found(reference as Reference, undefined, cloud.ctx.clock.now());
  for (let n = 0; n < 60 && !isSettled(standing); n += 1) {
    standing = await delivered(scene.adapter(killable(cloud.client, kill, count)), standing);
    expect(cloud.arm.serves(HOST)).toMatchObject([
      { version: expect.stringMatching(`${old.version}|${fresh.version}`) as string },
    ]);
    scene.meanwhile();
    cloud.ctx.clock.advance(Math.max(1000, Date.parse(standing.nextAt ?? '') - cloud.ctx.clock.now().getTime() || 0));
  }
  cloud.arm.resources.remove(scene.resource.id);
  return { standing, calls: count.calls, isDone: scene.isDone };
}

async function delivered(adapter: ConsumerAdapter, standing: Standing): Promise<Standing> {
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

describe.each(SCENES)('%s', (_name, make, boundaries) => {
  it('and ends the same wherever it is killed', async () => {
    const whole = await runThrough(make, undefined);
    expect(whole.standing).toMatchObject({ state: 'verified', proof: { kind: 'handshake' } });
    whole.isDone();
    expect(whole.calls).toBe(boundaries);
    for (let call = 1; call <= whole.calls; call += 1) {
      for (const when of ['before', 'after'] as const) {
        const { standing, isDone } = await runThrough(make, { call, when });
        expect({ call, when, state: standing.state }).toEqual({ call, when, state: 'verified' });
        isDone();
      }
    }
  });
});
