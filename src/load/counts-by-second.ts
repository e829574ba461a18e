const SECOND_MS = 1_000;

/** Counts events by the second in which they happened: the counts of a second are taken later, once the next has begun. */
export class CountsBySecond {
  readonly #counts = new Map<number, number>();

  add(atMs: number): void {
    const second = Math.floor(atMs / SECOND_MS);
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1);
  }

  takeBefore(atMs: number): number {
    let taken = 0;
    for (const [second, count] of this.#counts) {
      if (second * SECOND_MS >= atMs) continue;
      taken += count;
      this.#counts.delete(second);
    }
    return taken;
  }
}
