import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { RunProgress } from '../../metrics/progress.ts';
import type { Palette } from '../../report/palette.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { type Clock, repeat } from '../../time/clock.ts';
import { paletteOf } from './colors.ts';
import { progressLine, renderProgress } from './render-progress.ts';
import { wrapped } from './terminal-line.ts';

/** Four times a second, as fast as the eye can follow. */
const REDRAW_INTERVAL_MS = 250;
/** Without a terminal: often enough to see that the run is alive, rarely enough for a log of hours. */
const LINE_INTERVAL_MS = 10_000;

/** For a terminal that does not report its size. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

const ERASE_LINE_AND_GO_UP = '\u001b[2K\u001b[1A';

/** `2026-01-31T18:00:00Z` */
function wallClock(clock: Clock): string {
  return `${new Date(clock.epochMs()).toISOString().slice(0, 19)}Z`;
}

/** stderr, or its stand-in in a test. */
export type ViewStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export type LiveViewOptions = {
  readonly stream: ViewStream;
  readonly clock: Clock;
  /** `false` = `--no-color`. */
  readonly color: boolean;
  /** Show nothing at all. */
  readonly quiet: boolean;
  /** Decides about colors; `TERM=dumb` and `CI` turn redrawing off. */
  readonly environment?: Environment;
  /** Called for each redraw. */
  readonly progress: () => RunProgress;
};

/** Shows the progress of a run. */
export interface LiveView {
  /** Writes a line that stays, above the redrawn frame. */
  log(line: string): void;
  /** Ends the view and clears the redrawn frame. */
  finish(): void;
}

/** Starts to show progress: a frame redrawn in place on a terminal, else a plain line from time to time. */
export function createLiveView(options: LiveViewOptions): LiveView {
  const { stream, color, quiet, environment = process.env } = options;
  if (quiet) return { log: () => {}, finish: () => {} };
  if (stream.isTTY !== true || !isRedrawn(environment)) {
    return createLineView(options, (line) => stream.write(`${line}\n`));
  }
  return redrawnView(options, paletteOf(stream, color, environment));
}

/** Some CI servers give jobs a terminal, but record its output as a file. */
function isRedrawn({ TERM: terminal, CI: ci = '' }: Environment): boolean {
  return terminal !== 'dumb' && (ci === '' || ci === 'false');
}

function redrawnView({ stream, clock, progress }: LiveViewOptions, palette: Palette): LiveView {
  // The cursor stays visible: hiding it would install signal handlers.
  const draw = createLogUpdate(stream, { showCursor: true });
  let frame = '';
  const redraw = (): void => {
    const { columns = COLUMNS_DEFAULT, rows = ROWS_DEFAULT } = stream;
    stream.write(ERASE_LINE_AND_GO_UP.repeat(rowsByReflow(frame, columns)));
    // The last row is for the cursor.
    frame = renderProgress(progress(), { columns, rows: rows - 1 }, palette);
    draw(frame);
  };
  redraw();
  const timer = repeat(clock, REDRAW_INTERVAL_MS, redraw);
  return {
    log(line) {
      draw.clear();
      frame = '';
      stream.write(`${wrapped(line, stream.columns ?? COLUMNS_DEFAULT)}\n`);
      redraw();
    },
    finish() {
      timer.cancel();
      draw.clear();
    },
  };
}

/** Extra rows that a frame takes after the terminal was made narrower, which wraps its lines. */
function rowsByReflow(frame: string, columns: number): number {
  return frame
    .split('\n')
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)) - 1, 0);
}

/** Writes a line from time to time, each with the wall clock, without a line feed. */
export function createLineView(
  { clock, progress }: Pick<LiveViewOptions, 'clock' | 'progress'>,
  write: (line: string) => void,
): LiveView {
  const log = (line: string): void => write(`${wallClock(clock)}  ${line}`);
  let shown = '';
  const show = (): void => {
    const line = progressLine(progress());
    if (line !== shown) log(line);
    shown = line;
  };
  const timer = repeat(clock, LINE_INTERVAL_MS, show);
  return {
    log,
    finish() {
      timer.cancel();
      const last = progress();
      if (last.recent.length > 0 || last.settled > last.settledBefore) show();
    },
  };
}
