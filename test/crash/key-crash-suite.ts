import { describe, expect, it } from 'vitest';
import { KeyScene } from '../support/key-scene.ts';
import type { KeySetting, KeyStage } from '../support/key-stage.ts';
import { Killed, type Kill } from './killer.ts';

/*
 * The same suite as for secrets, for a key: kills a rotation before and after every port call, rebuilds from what was persisted,
 * delivers again. Promised: what a user uses is there and enabled at every moment; at the end all users use the newest version; the
 * vault is asked for one rotation.
 */
const FEWEST_BOUNDARIES = 25;

/** @returns whether the boundary was reached at all */
async function untilKilled(scene: KeyScene, kill: Kill): Promise<boolean> {
  const life = scene.life({ kill });
  try {
    await scene.drive(life);
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  }
  return life.dead;
}

/**
 * @param open a stage of its own for every scene; what they share is started and stopped by the caller
 * @param light where the whole suite is passed in memory: killed after every call (before one is after the one before it), and answers lost
 */
export function describeKeyCrashes(
  name: string,
  open: (setting?: KeySetting) => KeyStage,
  { light = false }: { readonly light?: boolean } = {},
): void {
  describe(`crashes: ${name}`, () => {
    const set = (setting?: KeySetting): KeyScene => new KeyScene(open(setting));

    it('a plain run keeps every promise', async () => {
      const scene = set();
      const life = scene.life();
      await scene.drive(life);
      expect(scene.made).toBe(1);
      await scene.checkEnd();
      expect(life.calls.length).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
    });

    const kills = [
      ['before', true],
      ['after', true],
      ['after', false],
    ] as const;
    /** Of the whole suite only. */
    const whole = (title: string, test: () => Promise<void>): void => {
      if (!light) it(title, test);
    };

    it.each(light ? kills.slice(1) : kills)(
      'killed %s every port call, it keeps every promise (the vault keeps tags: %s)',
      async (when, keepsTags) => {
        let visited = 0;
        for (let at = 1; ; at += 1) {
          const scene = set({ keepsTags });
          if (!(await untilKilled(scene, { at, when }))) {
            scene.end();
            break;
          }
          visited = at;
          scene.lapseLease();
          await scene.drive(scene.life());
          await scene.checkEnd();
        }
        console.info(`crash suite ${name}: killed ${when} ${visited} port calls, no promise broken`);
        expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
      },
    );

    it('a lost answer of every port call rotates no key twice', async () => {
      let visited = 0;
      for (let at = 1; ; at += 1) {
        const scene = set();
        const life = scene.life({ loseAnswerAt: at });
        await scene.drive(life);
        await scene.drive(scene.life());
        await scene.checkEnd();
        if (life.calls.length < at) break;
        visited = at;
      }
      console.info(`crash suite ${name}: lost the answer of ${visited} port calls, no promise broken`);
      expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
    });

    whole('a runner that wakes up after its lease does no harm, wherever it fell asleep', async () => {
      let visited = 0;
      for (let at = 1; ; at += 1) {
        const scene = set();
        let wake = (): void => undefined;
        let fell = (): void => undefined;
        const until = new Promise<void>((resolve) => (wake = resolve));
        const asleep = new Promise<boolean>((resolve) => (fell = () => resolve(true)));
        const life = scene.life({ sleep: { at, asleep: () => fell(), until } });
        const slept = scene.drive(life);
        if (!(await Promise.race([asleep, slept.then(() => false)]))) {
          scene.end();
          break;
        }
        visited = at;
        scene.lapseLease();
        await scene.drive(scene.life());
        wake();
        await slept;
        await life.sleptCall;
        await scene.drive(scene.life());
        await scene.checkEnd();
      }
      console.info(`crash suite ${name}: a sleeper woke at ${visited} port calls, no promise broken`);
      expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
    });

    it('somebody else’s version at every port call is taken along', async () => {
      let visited = 0;
      for (let at = 1; ; at += 1) {
        const scene = set();
        const life = scene.life({}, (calls) => {
          if (calls === at) scene.foreignVersion();
        });
        await scene.drive(life);
        const reached = life.calls.length >= at;
        if (reached) await scene.drive(scene.life());
        await scene.checkEnd(reached ? 1 : 0);
        if (!reached) break;
        visited = at;
      }
      console.info(`crash suite ${name}: somebody else's version at ${visited} port calls, no promise broken`);
      expect(visited).toBeGreaterThanOrEqual(FEWEST_BOUNDARIES);
    });

    it('two runners with the same event, and every event five times, rotate once', async () => {
      const scene = set();
      scene.redeliverEvent(5);
      await Promise.all([scene.deliverVisible(scene.life()), scene.deliverVisible(scene.life())]);
      await scene.drive(scene.life());
      await scene.checkEnd();
    });

    it('a finished rotation that is delivered again changes nothing', async () => {
      const scene = set();
      await scene.drive(scene.life());
      const before = scene.mutations;
      scene.redeliverEvent(5);
      await scene.drive(scene.life());
      expect(scene.mutations).toBe(before);
      await scene.checkEnd();
    });

    whole(
      'compromised: killed before and after every port call, all users are on a new version at the end',
      async () => {
        for (const when of ['before', 'after'] as const) {
          for (let at = 1; ; at += 1) {
            const scene = set({ trigger: 'compromised' });
            if (!(await untilKilled(scene, { at, when }))) {
              scene.end();
              break;
            }
            scene.lapseLease();
            await scene.drive(scene.life());
            await scene.checkEnd();
          }
        }
      },
    );
  });
}
