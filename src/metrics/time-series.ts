/** Buckets of a series: enough for a plot on a phone, few enough for a table. */
export const BUCKETS_MAX = 240;

/** Initial width of a bucket: an eighth of a second, so that doubling it leads to whole seconds. */
export const BUCKET_MS_MIN = 125;

/**
 * Of a run's buckets of less than a second: up to 20 s. They show the shape of a short run. In a longer one they would show noise: of 50 launches
 * a second, an eighth of a second has 6 or 7.
 */
export const FINE_BUCKETS_MAX = 40;
const SECOND_MS = 1_000;

export type Mergeable<B> = {
  /** Adds the contents of a later bucket. */
  merge(later: B): void;
};

/**
 * Buckets of equal width, starting at 0. A time beyond the last bucket merges neighbours pairwise and doubles the width, so
 * memory stays constant.
 */
export class TimeSeries<B extends Mergeable<B>> {
  readonly #make: () => B;
  readonly #bucketsMax: number;
  readonly #fineBucketsMax: number;
  #buckets: (B | undefined)[] = [];
  #widthMs: number;

  /**
   * @param widthMs initial width of a bucket
   * @param fineBucketsMax of less than a second
   */
  constructor(make: () => B, widthMs = BUCKET_MS_MIN, bucketsMax = BUCKETS_MAX, fineBucketsMax = bucketsMax) {
    this.#make = make;
    this.#widthMs = widthMs;
    this.#bucketsMax = bucketsMax;
    this.#fineBucketsMax = fineBucketsMax;
  }

  get widthMs(): number {
    return this.#widthMs;
  }

  /** The bucket of a time; times before 0 belong to the first. */
  at(atMs: number): B {
    while (this.#indexOf(atMs) >= (this.#widthMs < SECOND_MS ? this.#fineBucketsMax : this.#bucketsMax)) this.#halve();
    const index = this.#indexOf(atMs);
    const bucket = this.#buckets[index] ?? this.#make();
    this.#buckets[index] = bucket;
    return bucket;
  }

  /** All buckets up to the last used, without gaps. */
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
