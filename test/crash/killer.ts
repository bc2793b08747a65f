import { RotationError } from '../../src/rotation/errors.ts';

/** The process is gone. Not a RotationError, so that no code under test can take it for a failure it knows. */
export class Killed extends Error {
  constructor(boundary: string) {
    super(`killed ${boundary}`);
    this.name = 'Killed';
  }
}

export interface Fate {
  /** Dies at this call. */
  readonly kill?: Kill | undefined;
  /** The how-manieth call does its work and loses its answer: a time-out of unknown effect. */
  readonly loseAnswerAt?: number | undefined;
  /** The how-manieth call waits for this before it begins; `asleep` is called when it does. */
  readonly sleep?: { readonly at: number; readonly asleep: () => void; readonly until: Promise<void> } | undefined;
}

export interface Kill {
  /** The how-manieth port call. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

/**
 * One life of the process. Every port is wrapped; each call is a boundary. At the given one the process dies: from then on
 * every port call rejects, so that no `catch` or `finally` of the code under test can tidy up.
 */
export class Life {
  readonly calls: string[] = [];
  readonly #fate: Fate;
  readonly #afterEach: (call: string) => Promise<void>;
  #dead = false;
  /** The call that slept: settles when it has woken up and ended. */
  sleptCall: Promise<unknown> | undefined;

  /** @param afterEach looks at the world after every call that got through; what it throws fails the test */
  constructor(fate: Fate, afterEach: (call: string) => Promise<void>) {
    this.#fate = fate;
    this.#afterEach = afterEach;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** The same port, mortal. Functions only; other properties are passed on. */
  wrap<T extends object>(name: string, port: T, pure: readonly string[] = []): T {
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function' || typeof key !== 'string' || pure.includes(key)) return value;
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => this.#pass(`${name}.${key}`, () => call(...args));
      },
    });
  }

  #pass(name: string, work: () => unknown): unknown {
    const index = this.calls.push(name);
    const { kill, loseAnswerAt, sleep } = this.#fate;
    const dies = kill?.at === index;
    const enter = async (): Promise<void> => {
      if (this.#dead) throw new Killed(`${name} (dead)`);
      if (dies && kill.when === 'before') {
        this.#dead = true;
        throw new Killed(`before ${name}`);
      }
      if (sleep?.at === index) {
        sleep.asleep();
        await sleep.until;
      }
    };
    const leave = async (): Promise<void> => {
      await this.#afterEach(name);
      if (dies && kill.when === 'after') {
        this.#dead = true;
        throw new Killed(`after ${name}`);
      }
      if (this.#dead) throw new Killed(`${name} (dead)`);
      if (loseAnswerAt === index) {
        throw new RotationError({
          code: 'TIMED_OUT',
          recovery: 'retry',
          effect: 'unknown',
          message: `${name}: the answer was lost`,
        });
      }
    };
    if (isIterableCall(name)) {
      if (sleep?.at === index) this.sleptCall = sleep.until;
      return iterate(enter, work, leave);
    }
    const call = settle(enter, work, leave);
    if (sleep?.at === index) this.sleptCall = call.catch(() => undefined);
    return call;
  }
}

function isIterableCall(name: string): boolean {
  return ['vault.list', 'keys.list', 'certificates.list', 'journal.open', 'adoptions.open'].includes(name);
}

type Gate = () => Promise<void>;

async function settle(enter: Gate, work: () => unknown, leave: Gate): Promise<unknown> {
  await enter();
  let result: unknown;
  try {
    result = await work();
  } catch (error) {
    // A refusal is an answer, too: the process may die on it, and it may be lost.
    await leave();
    throw error;
  }
  await leave();
  return result;
}

async function* iterate(enter: Gate, work: () => unknown, leave: Gate): AsyncGenerator {
  await enter();
  yield* work() as AsyncIterable<unknown>;
  await leave();
}
