/** Minimum, maximum, sum and count of values; absent values are ignored. */
export class Extent {
  min: number | null = null;
  max: number | null = null;
  sum = 0;
  count = 0;

  add(value: number | null): void {
    if (value === null) return;
    this.#widen(value, value);
    this.sum += value;
    this.count += 1;
  }

  merge({ min, max, sum, count }: Extent): void {
    if (min === null || max === null) return;
    this.#widen(min, max);
    this.sum += sum;
    this.count += count;
  }

  /** `null` without values. */
  get mean(): number | null {
    return this.count === 0 ? null : this.sum / this.count;
  }

  #widen(min: number, max: number): void {
    this.min = this.min === null ? min : Math.min(this.min, min);
    this.max = this.max === null ? max : Math.max(this.max, max);
  }
}
