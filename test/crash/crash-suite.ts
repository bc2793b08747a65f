import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RotatorHarness } from '../contract/rotator-harness.ts';
import type { Scene } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';
import { Killed, Life, type Kill } from './killer.ts';

/** A rotation and its retirement pass at least so many port calls; fewer would mean that the suite looks at nothing. */
const FEWEST_BOUNDARIES = 20;
/** Where there is no system to set and to revoke in. */
const FEWEST_WITHOUT_SYSTEM = 14;
const DAY = 24 * 3600_000;

/**
 * Kills a rotation before and after every port call, until there is no further one: rebuilds from what was persisted,
 * delivers again, and checks the five promises after every call and at the end.
 */
export function describeCrashes(harness: RotatorHarness): void {
  describe(`crashes: ${harness.name}`, () => {
    const fewest = (): number =>
      revokes(harness) || harness.rotator.capabilities.overlap === 'none' ? FEWEST_BOUNDARIES : FEWEST_WITHOUT_SYSTEM;
    let world: World;
    beforeAll(async () => {
      await harness.start();
      world = await startWorld(harness);
    });
    afterAll(async () => {
      await world.stop();
      await harness.stop();
    });

    it('a plain run keeps every promise', async () => {
      const scene = await world.scene();
      const life = await live(scene, undefined);
      await scene.checkEnd();
      expect(life.calls.length).toBeGreaterThanOrEqual(fewest());
    });

    for (const when of ['before', 'after'] as const) {
      it(`killed ${when} every port call, it keeps every promise`, async () => {
        let visited = 0;
        for (let at = 1; ; at += 1) {
          const scene = await world.scene();
          const reached = await untilKilled(scene, { at, when });
          if (!reached) {
            scene.end();
            break;
          }
          visited = at;
          scene.lapseLease();
          await live(scene, undefined);
          await scene.checkEnd();
        }
        console.info(`crash suite ${harness.name}: killed ${when} ${visited} port calls, no promise broken`);
        expect(visited).toBeGreaterThanOrEqual(fewest());
      });
    }

    it('a lost answer of every port call is no lost credential', async () => {
      let visited = 0;
      for (let at = 1; ; at += 1) {
        const scene = await world.scene();
        const life = scene.life(undefined, { at });
        await scene.drive(life);
        await live(scene, undefined);
        await scene.checkEnd();
        if (life.calls.length < at) break;
        visited = at;
      }
      console.info(`crash suite ${harness.name}: lost the answer of ${visited} port calls, no promise broken`);
      expect(visited).toBeGreaterThanOrEqual(fewest());
    });

    it('a runner that wakes up after its lease does no harm, wherever it fell asleep', async () => {
      let visited = 0;
      for (let at = 1; ; at += 1) {
        const scene = await world.scene();
        const sleeper = scene.sleeper(at);
        const slept = scene.drive(sleeper.life);
        if (!(await Promise.race([sleeper.asleep.then(() => true), slept.then(() => false)]))) {
          scene.end();
          break;
        }
        visited = at;
        scene.lapseLease();
        await live(scene, undefined);
        sleeper.wake();
        await slept;
        await sleeper.life.sleptCall;
        await live(scene, undefined);
        await scene.checkEnd();
      }
      console.info(`crash suite ${harness.name}: a sleeper woke at ${visited} port calls, no promise broken`);
      expect(visited).toBeGreaterThanOrEqual(fewest());
    });

    it('two runners with the same event, and every event five times, rotate once', async () => {
      const scene = await world.scene();
      scene.redeliverEvent(5);
      await Promise.all([scene.deliverVisible(scene.life()), scene.deliverVisible(scene.life())]);
      await live(scene, undefined);
      await scene.checkEnd();
    });

    it('a finished rotation that is delivered again changes nothing', async () => {
      const scene = await world.scene();
      await live(scene, undefined);
      await scene.checkDone();
      const before = scene.mutations;
      scene.redeliverEvent(5);
      await live(scene, undefined);
      expect(scene.mutations).toBe(before);
      await scene.checkEnd();
    });

    describe('a step of its own revokes the old credential', () => keepsTheOld(harness, () => world));

    it('compromised: killed before and after every port call, the old credential is gone at the end', async () => {
      for (const when of ['before', 'after'] as const) {
        for (let at = 1; ; at += 1) {
          const scene = await world.scene({ trigger: 'compromised' });
          const reached = await untilKilled(scene, { at, when });
          if (!reached) {
            scene.end();
            break;
          }
          scene.lapseLease();
          await live(scene, undefined);
          await scene.checkEnd();
        }
      }
    });
  });
}

function revokes({ rotator: { capabilities } }: RotatorHarness): boolean {
  return capabilities.revocable && capabilities.overlap !== 'none';
}

/** The old credential is taken out of use by a step of its own, and only when nothing speaks against it. */
function keepsTheOld(harness: RotatorHarness, world: () => World): void {
  it('the old credential is kept while somebody is logged in with it, and goes when nobody is', async () => {
    if (!revokes(harness)) return;
    const scene = await world().scene();
    scene.stillInUse = true;
    expect(await scene.driveFor(scene.life(), 3 * DAY)).toMatchObject({ state: 'waiting', step: 'confirm' });
    expect(await scene.oldLogsIn()).toBe(true);
    scene.stillInUse = false;
    await live(scene, undefined);
    await scene.checkEnd();
  });

  it('the old credential is kept for good, and a person is told, when it is in use a week after the overlap', async () => {
    if (!revokes(harness)) return;
    const scene = await world().scene();
    scene.stillInUse = true;
    const run = await scene.driveFor(scene.life(), 10 * DAY);
    expect(run).toMatchObject({ state: 'blocked', blocked: { code: 'NOT_ADOPTED' } });
    expect(await scene.oldLogsIn()).toBe(true);
    scene.end();
  });

  it('the old credential is kept when it is the current one again', async () => {
    if (!revokes(harness) && harness.retains !== true) return;
    const scene = await world().scene();
    expect(await scene.driveFor(scene.life(), DAY / 2)).toMatchObject({ step: 'confirm' });
    scene.restoreFirst();
    const run = await scene.driveFor(scene.life(), 3 * DAY);
    expect(run).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    expect(await scene.oldLogsIn()).toBe(true);
    scene.end();
  });

  it('the old credential is kept when the current one has stopped working', async () => {
    if (!revokes(harness)) return;
    const scene = await world().scene();
    expect(await scene.driveFor(scene.life(), DAY / 2)).toMatchObject({ step: 'confirm' });
    await scene.breakCurrent();
    const run = await scene.driveFor(scene.life(), 3 * DAY);
    expect(run).toMatchObject({ state: 'blocked', blocked: { code: 'DRIFTED' } });
    expect(await scene.oldLogsIn()).toBe(true);
    scene.end();
  });
}

/**
 * The light variant, for rotators that share all their code with one that passes the whole suite: a plain run, and one kill
 * after each port call. One world for all of them; the harnesses are started and stopped by the caller.
 */
export function describeCrashPass(name: string, harnesses: readonly RotatorHarness[]): void {
  describe(`crashes, one pass each: ${name}`, () => {
    let world: World | undefined;
    beforeAll(async () => {
      for (const harness of harnesses) await harness.start();
      const [first] = harnesses;
      if (first === undefined) throw new Error('there is nothing to kill');
      world = await startWorld(first);
    });
    afterAll(async () => {
      await world?.stop();
      for (const harness of harnesses) await harness.stop();
    });

    it.each(harnesses.map((harness) => [harness.name, harness] as const))(
      '%s: killed after every port call, it keeps every promise',
      async (_, harness) => {
        let visited = 0;
        for (let at = 1; ; at += 1) {
          const scene = await world?.scene({ harness });
          if (scene === undefined) throw new Error('there is no world');
          const reached = await untilKilled(scene, { at, when: 'after' });
          if (reached) {
            visited = at;
            scene.lapseLease();
            await live(scene, undefined);
          }
          // Without a kill it was the plain run.
          await scene.checkEnd();
          if (!reached) break;
        }
        console.info(`crash suite ${harness.name}: killed after ${visited} port calls, no promise broken`);
        expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
      },
    );
  });
}

/** Lives until everything is done. */
async function live(scene: Scene, kill: Kill | undefined): Promise<Life> {
  const life = scene.life(kill);
  await scene.drive(life);
  return life;
}

/** @returns whether the boundary was reached at all */
async function untilKilled(scene: Scene, kill: Kill): Promise<boolean> {
  const life = scene.life(kill);
  try {
    await scene.drive(life);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  return life.dead;
}
