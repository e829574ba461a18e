import { Writable } from 'node:stream';

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const SEQUENCE = /\u001b\[([0-9;]*)([A-Za-z])|\n|[^\u001b\n]+/g;

/** What a terminal shows after what was written to it; knows the sequences that move the cursor up and erase lines. */
export class TerminalScreen extends Writable {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  written = '';
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.written += chunk;
    for (const [sequence, amount, command] of chunk.matchAll(SEQUENCE)) {
      this.#apply(sequence, Number(amount || 1), command);
    }
    done();
  }

  /** The lines. */
  get text(): string {
    return this.#lines.join('\n');
  }

  /** Lines that are too long for fewer columns are wrapped, as most terminals do. */
  resize(columns: number): void {
    this.columns = columns;
    const wrapped = this.#lines.map((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row = wrapped.slice(0, this.#row + 1).flat().length - 1;
    this.#lines = wrapped.flat();
  }

  #apply(sequence: string, amount: number, command: string | undefined): void {
    if (command === 'A') this.#row -= amount;
    else if (command === 'K') this.#lines[this.#row] = '';
    else if (command === 'G') this.#column = 0;
    else if (sequence === '\n') {
      this.#row += 1;
      this.#column = 0;
      this.#lines[this.#row] ??= '';
    } else if (command === undefined) {
      const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
      this.#lines[this.#row] = line.slice(0, this.#column) + sequence + line.slice(this.#column + sequence.length);
      this.#column += sequence.length;
    }
  }
}
