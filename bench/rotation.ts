/** One PostgreSQL rotation through the engine and its adapters, against its floor. */
import { Floor } from './floor.ts';
import type { Stage } from './stage.ts';
import { Samples, spread, type Spread } from './statistics.ts';

const WARM_UP = 5;

export interface RotationCost {
  readonly engineMs: Spread;
  readonly floorMs: Spread;
  /** Median by median. */
  readonly ratio: number;
  /** Of the pairs that were taken one after the other; another look at the same, in which drift cancels out. */
  readonly pairRatio: Spread;
  /** On the wire; the comparison is fair when they are the same. */
  readonly engineCalls: number;
  readonly floorCalls: number;
}

type Who = 'engine' | 'floor';

/** In one process, warm, in turns; a rotation is timed from the message until its finish is journaled. */
export async function measureRotation(stage: Stage, rounds: number): Promise<RotationCost> {
  const object = await stage.secret('postgres', 'timed-engine');
  const untimed = (_: string, work: () => Promise<void>): Promise<void> => work();
  for (let run = 0; run < WARM_UP; run += 1) await stage.run(object, untimed);
  const floor = await Floor.of(stage, await stage.secret('postgres', 'timed-floor'), object);
  for (let run = 0; run < WARM_UP; run += 1) await floor.rotate();

  const samples = new Samples<Who>();
  const pairs: number[] = [];
  const calls: Record<Who, number> = { engine: 0, floor: 0 };
  const timed = async (who: Who, work: () => Promise<void>): Promise<number> => {
    let ms = 0;
    const entries = await stage.traffic(async () => {
      const began = performance.now();
      await work();
      ms = performance.now() - began;
    });
    calls[who] = entries.length;
    samples.add(who, ms);
    return ms;
  };
  for (let round = 0; round < rounds; round += 1) {
    const floorFirst = round % 2 === 0;
    let floorMs = floorFirst ? await timed('floor', () => floor.rotate()) : 0;
    let engineMs = 0;
    await stage.run(object, async (phase, work) => {
      if (phase !== 'rotation') return work();
      engineMs = await timed('engine', work);
      if (!floorFirst) floorMs = await timed('floor', () => floor.rotate());
    });
    pairs.push(engineMs / floorMs);
  }
  const [engineMs, floorMs] = [samples.spread('engine'), samples.spread('floor')];
  return {
    ...{ engineMs, floorMs, pairRatio: spread(pairs) },
    ratio: engineMs.median / floorMs.median,
    engineCalls: calls.engine,
    floorCalls: calls.floor,
  };
}
