/** What is left of many noisy samples. */
export interface Spread {
  readonly median: number;
  /** A quarter of the samples is below, a quarter above. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/** @throws RangeError without a sample: there is nothing to say then */
export function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    samples: sorted.length,
  };
}

/** Linear between the two neighbours. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) throw new RangeError('no sample');
  return below + (above - below) * (at - Math.floor(at));
}

/** The median of a thing that is measured again and again, by key. */
export class Samples<K extends string> {
  readonly #taken = new Map<K, number[]>();

  add(key: K, value: number): void {
    const taken = this.#taken.get(key) ?? [];
    taken.push(value);
    this.#taken.set(key, taken);
  }

  spread(key: K): Spread {
    return spread(this.#taken.get(key) ?? []);
  }
}
