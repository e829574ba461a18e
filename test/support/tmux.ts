import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** Without tmux, tests that need a terminal are skipped; not so where they decide. */
export const HAS_TMUX = spawnSync('tmux', ['-V']).error === undefined || process.env['CI'] === 'true';

const LOOK_AGAIN_MS = 100;

/** A terminal of its own, in which a program runs. */
export class TmuxTerminal {
  readonly #socket: string;

  /** @param environment replaces that of the test, and has no CI in it */
  constructor(
    columns: number,
    rows: number,
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.#socket = `dpsload-test-${process.pid}-${columns}x${rows}-${Math.trunc(performance.now())}`;
    const { PATH = '', HOME = '/' } = process.env;
    const inside = Object.entries({ PATH, HOME, ...environment }).map(([name, value]) => `${name}=${value}`);
    // What the program left on the screen stays there until it was looked at.
    const script = `env -i ${[...inside, ...command].map(quoted).join(' ')}; echo "ended with $?"; sleep 600`;
    this.#tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), script);
  }

  /** The rows of the screen as they are seen, without spaces and empty rows at their ends. */
  screen(): string {
    return this.#tmux('capture-pane', '-p').trimEnd();
  }

  /** The same with the sequences that colour it. */
  coloredScreen(): string {
    return this.#tmux('capture-pane', '-p', '-e');
  }

  /** The screen, and what was scrolled out of it. */
  everything(): string {
    return this.#tmux('capture-pane', '-p', '-S', '-').trimEnd();
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  /** Appends all that the program writes from now on to a file. */
  record(file: string): void {
    this.#tmux('pipe-pane', `cat >> ${quoted(file)}`);
  }

  /** The first screen of which `holds`; the test's own timeout ends the wait. */
  async until(holds: (screen: string) => boolean): Promise<string> {
    for (;;) {
      const screen = this.screen();
      if (holds(screen)) return screen;
      if (/^ended with /m.test(screen)) throw new Error(`the program ended before that:\n${this.everything()}`);
      await sleep(LOOK_AGAIN_MS);
    }
  }

  async ended(): Promise<string> {
    while (!/^ended with /m.test(this.screen())) await sleep(LOOK_AGAIN_MS);
    return this.everything();
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server']);
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
