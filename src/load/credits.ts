/**
 * Splits `total` into `parts` whole shares that sum to it; the first `total % parts` get one more.
 *
 * @throws when `parts` is not a positive integer, or `total` is not a non-negative integer
 */
export function shares(total: number, parts: number): readonly number[] {
  if (!Number.isInteger(parts) || parts < 1) throw new Error(`parts must be a positive integer, not ${parts}`);
  if (!Number.isInteger(total) || total < 0) throw new Error(`total must be a non-negative integer, not ${total}`);
  const share = Math.floor(total / parts);
  const larger = total % parts;
  return Array.from({ length: parts }, (_, index) => (index < larger ? share + 1 : share));
}

/** Which workers may have a row; `null` = all. */
type MayHave = ((worker: number) => boolean) | null;

/**
 * Limits how many rows each worker may hold: its share of the concurrency plus its share of the rows granted ahead, so that its
 * slots never wait for the next grant. Each row goes to the worker with the most credit left, which keeps the load even. A closed
 * worker gets none, and its share goes to no other: what the others can take does not grow.
 */
export class Credits {
  readonly #shares: readonly number[];
  readonly #outstanding: number[];
  readonly #closed = new Set<number>();
  #limits: readonly number[];

  /** @param concurrencyShares registrations in flight allowed on each worker */
  constructor(concurrencyShares: readonly number[], rowsAhead: number) {
    this.#shares = concurrencyShares;
    this.#outstanding = concurrencyShares.map(() => 0);
    this.#limits = this.#limitsWith(rowsAhead);
  }

  setRowsAhead(rowsAhead: number): void {
    this.#limits = this.#limitsWith(rowsAhead);
  }

  /** The worker gets no rows from now on; those that it has stay outstanding. */
  close(worker: number): void {
    this.#closed.add(worker);
  }

  open(worker: number): void {
    this.#closed.delete(worker);
  }

  /** Rows dealt and not settled. */
  get outstanding(): number {
    return this.#outstanding.reduce((sum, count) => sum + count, 0);
  }

  get available(): number {
    return this.availableTo(null);
  }

  /** The part of `available` that rows can have which only some workers may have. */
  availableTo(mayHave: MayHave): number {
    return this.#outstanding.reduce((sum, _, worker) => sum + Math.max(0, this.#creditOf(worker, mayHave)), 0);
  }

  /** Whether the next row finds a free slot, and so starts without waiting for another registration to end. */
  get hasFreeSlot(): boolean {
    return this.hasFreeSlotAt(null);
  }

  hasFreeSlotAt(mayHave: MayHave): boolean {
    const worker = this.#next(mayHave);
    const isEligible = this.#creditOf(worker, mayHave) !== Number.NEGATIVE_INFINITY;
    return isEligible && (this.#outstanding[worker] ?? 0) < (this.#shares[worker] ?? 0);
  }

  /** How many of `rows` can be dealt that were available a moment ago: where workers closed since, not more than the others can take. */
  dealable(rows: number): number {
    return this.#closed.size === 0 ? rows : Math.min(rows, this.available);
  }

  /**
   * Returns the worker that gets the next row. If the limits shrink between `available` and `deal`, a worker may exceed its limit;
   * it then gets no rows until it is below again.
   *
   * @param mayHave at least one of the workers with credit left
   */
  deal(mayHave: MayHave = null): number {
    const chosen = this.#next(mayHave);
    this.#outstanding[chosen] = (this.#outstanding[chosen] ?? 0) + 1;
    return chosen;
  }

  settle(worker: number, rows: number): void {
    const left = (this.#outstanding[worker] ?? 0) - rows;
    if (left < 0) throw new Error(`worker ${worker} settled ${-left} rows more than it was dealt`);
    this.#outstanding[worker] = left;
  }

  #next(mayHave: MayHave): number {
    let next = 0;
    for (let worker = 1; worker < this.#shares.length; worker += 1) {
      if (this.#creditOf(worker, mayHave) > this.#creditOf(next, mayHave)) next = worker;
    }
    return next;
  }

  #creditOf(worker: number, mayHave: MayHave): number {
    if (this.#closed.has(worker) || (mayHave !== null && !mayHave(worker))) return Number.NEGATIVE_INFINITY;
    return (this.#limits[worker] ?? 0) - (this.#outstanding[worker] ?? 0);
  }

  #limitsWith(rowsAhead: number): readonly number[] {
    const ahead = shares(rowsAhead, this.#shares.length);
    return this.#shares.map((share, worker) => share + (share > 0 ? (ahead[worker] ?? 0) : 0));
  }
}
