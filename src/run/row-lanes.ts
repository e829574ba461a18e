/** Rows that wait for workers of their own, by the value that decides which, each lane in the order of the fleet. */
export class RowLanes<Row> {
  readonly #lanes = new Map<string, Row[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(value: string, row: Row): void {
    const lane = this.#lanes.get(value);
    if (lane === undefined) this.#lanes.set(value, [row]);
    else lane.push(row);
    this.#size += 1;
  }

  /** Removes and returns at most `count` rows that `take` accepts; a lane ends at the first that it does not. */
  pick(count: number, take: (row: Row) => boolean): readonly Row[] {
    const picked: Row[] = [];
    for (const [value, lane] of this.#lanes) {
      let taken = 0;
      while (taken < lane.length && picked.length < count && take(lane[taken] as Row)) {
        picked.push(lane[taken] as Row);
        taken += 1;
      }
      lane.splice(0, taken);
      if (lane.length === 0) this.#lanes.delete(value);
    }
    this.#size -= picked.length;
    return picked;
  }

  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#lanes].map(([value, { length }]) => [value, length]));
  }
}
