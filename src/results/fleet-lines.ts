/** The lines of a fleet file on which its usable rows begin; read forward, and only when one is asked for. */
export class FleetLines {
  readonly #open: () => Promise<AsyncIterable<number> | null>;
  #lines: AsyncIterator<number> | null = null;
  #isOpen = false;
  #row = -1;
  #line: number | null = null;

  /** @param open `null` = the file is missing or was changed */
  constructor(open: () => Promise<AsyncIterable<number> | null>) {
    this.#open = open;
  }

  /** Rows must be asked for in order. */
  async lineOf(row: number): Promise<number | null> {
    if (!this.#isOpen) this.#lines = (await this.#open())?.[Symbol.asyncIterator]() ?? null;
    this.#isOpen = true;
    while (this.#lines !== null && this.#row < row) {
      const next = await this.#lines.next();
      this.#row += 1;
      this.#line = next.done ? null : next.value;
    }
    return this.#line;
  }

  async close(): Promise<void> {
    await this.#lines?.return?.();
  }
}
