/** Buckets of a series: two for each pixel column that a plot on a phone has, and few enough to be read as a table. */
export const BUCKETS_MAX = 240;

/** Width of a bucket at first: short runs still have a shape, and hold some completions in each. */
export const BUCKET_MS_MIN = 250;

export type Mergeable<B> = {
  /** Takes in what a later bucket holds. */
  merge(later: B): void;
};

/**
 * Buckets of equal width from 0 on. When a time lies behind the last one, neighbours are merged pairwise and the width
 * doubles, so that the memory is the same however long the run takes.
 */
export class TimeSeries<B extends Mergeable<B>> {
  readonly #make: () => B;
  #buckets: (B | undefined)[] = [];
  #widthMs: number;

  /** @param widthMs of a bucket at first */
  constructor(make: () => B, widthMs = BUCKET_MS_MIN) {
    this.#make = make;
    this.#widthMs = widthMs;
  }

  /** Of every bucket, in milliseconds. */
  get widthMs(): number {
    return this.#widthMs;
  }

  /** The bucket that a time belongs to; times before 0 belong to the first. */
  at(atMs: number): B {
    while (this.#indexOf(atMs) >= BUCKETS_MAX) this.#halve();
    const index = this.#indexOf(atMs);
    const bucket = this.#buckets[index] ?? this.#make();
    this.#buckets[index] = bucket;
    return bucket;
  }

  /** From the first to the last that was used, without holes. */
  buckets(): readonly B[] {
    return Array.from(this.#buckets, (bucket) => bucket ?? this.#make());
  }

  #indexOf(atMs: number): number {
    return Math.max(0, Math.floor(atMs / this.#widthMs));
  }

  #halve(): void {
    const merged: (B | undefined)[] = [];
    for (let index = 0; index < this.#buckets.length; index += 2) {
      const [first, second] = [this.#buckets[index], this.#buckets[index + 1]];
      if (first !== undefined && second !== undefined) first.merge(second);
      merged.push(first ?? second);
    }
    this.#buckets = merged;
    this.#widthMs *= 2;
  }
}
