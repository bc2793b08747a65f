import { describe, expect, it } from 'vitest';
import { AdoptionScene } from '../support/adoption-scene.ts';
import { Killed, Life, type Fate, type Kill } from './killer.ts';

/*
 * The same suite as for rotations, for the consumers of a new version: kills the work before and after every port call, rebuilds from
 * what was persisted, delivers again. Promised: at the end every consumer that can have the version has it and was seen to, whoever
 * cannot is named, what could not be looked through at first is looked through again without telling anybody twice, and nobody keeps a
 * resource from others.
 */
const FEWEST_BOUNDARIES = 60;

const lifeWith = (fate: Fate = {}): Life => new Life(fate, () => Promise.resolve());

/** @returns whether the boundary was reached at all */
async function untilKilled(scene: AdoptionScene, kill: Kill): Promise<boolean> {
  const life = lifeWith({ kill });
  try {
    await scene.drive(life);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  return life.dead;
}

describe('crashes: the consumers of a new version', () => {
  it('without one, everybody adopts', async () => {
    const scene = new AdoptionScene();
    const life = lifeWith();
    await scene.drive(life);
    scene.checkEnd();
    expect(life.calls.length).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
    expect(scene.bench.consumers.pushes).toBe(7);
  });

  it.each(['before', 'after'] as const)('killed %s every port call, everybody adopts', async (when) => {
    let visited = 0;
    for (let at = 1; ; at += 1) {
      const scene = new AdoptionScene();
      if (!(await untilKilled(scene, { at, when }))) break;
      visited = at;
      scene.lapseLease();
      await scene.drive(lifeWith());
      scene.checkEnd();
      // At most one push is made twice: the one whose journal entry was lost.
      expect(scene.bench.consumers.pushes).toBeLessThanOrEqual(8);
    }
    console.info(`crash suite consumers: killed ${when} ${visited} port calls, no promise broken`);
    expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
  });

  it('a lost answer of every port call loses nobody', async () => {
    let visited = 0;
    for (let at = 1; ; at += 1) {
      const scene = new AdoptionScene();
      const life = lifeWith({ loseAnswerAt: at });
      await scene.drive(life);
      await scene.drive(lifeWith());
      scene.checkEnd();
      if (life.calls.length < at) break;
      visited = at;
    }
    console.info(`crash suite consumers: lost the answer of ${visited} port calls, no promise broken`);
    expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
  });

  it('who wakes up after the lease does no harm, wherever it fell asleep', async () => {
    let visited = 0;
    for (let at = 1; ; at += 1) {
      const scene = new AdoptionScene();
      let wake = (): void => undefined;
      let fell = (): void => undefined;
      const until = new Promise<void>((resolve) => (wake = resolve));
      const asleep = new Promise<boolean>((resolve) => (fell = () => resolve(true)));
      const life = lifeWith({ sleep: { at, asleep: () => fell(), until } });
      const slept = scene.drive(life);
      if (!(await Promise.race([asleep, slept.then(() => false)]))) break;
      visited = at;
      scene.lapseLease();
      await scene.drive(lifeWith());
      wake();
      await slept;
      await life.sleptCall;
      await scene.drive(lifeWith());
      scene.checkEnd();
    }
    console.info(`crash suite consumers: a sleeper woke at ${visited} port calls, no promise broken`);
    expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
  });

  it('two at once, and every event five times, push once each', async () => {
    const scene = new AdoptionScene();
    scene.redeliverEvent(5);
    await Promise.all([scene.deliverOnce(lifeWith()), scene.deliverOnce(lifeWith())]);
    await scene.drive(lifeWith());
    scene.checkEnd();
    expect(scene.bench.consumers.pushes).toBe(7);
  });
});
