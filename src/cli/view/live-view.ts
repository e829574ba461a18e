import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { RunProgress } from '../../metrics/progress.ts';
import type { Palette } from '../../report/palette.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { type Clock, repeat } from '../../time/clock.ts';
import { hasColors, paletteFor } from './colors.ts';
import { progressLine } from './progress-line.ts';
import { renderProgress } from './render-progress.ts';

/** Four times a second: as often as an eye can follow. */
const REDRAW_INTERVAL_MS = 250;
/** Without a terminal to redraw: often enough to see that a run goes on, seldom enough for a log of hours. */
const LINE_INTERVAL_MS = 10_000;

/** Of a terminal that does not tell its size. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

const ERASE_LINE_AND_GO_UP = '\u001b[2K\u001b[1A';

/** stderr, or what stands for it. */
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
  /** Says whether there are colours, and with `TERM=dumb` or `CI` that nobody looks at a terminal that is redrawn. */
  readonly environment?: Environment;
  /** The run at this moment; asked when it is shown. */
  readonly progress: () => RunProgress;
};

/** Shows a run while it goes on. */
export interface LiveView {
  /** Writes a line that stays, above what is redrawn. */
  log(line: string): void;
  /** Ends the view, and takes what is redrawn off the screen. */
  finish(): void;
}

/** Begins to show at once: redrawn in place on a terminal, else a plain line now and then. */
export function createLiveView(options: LiveViewOptions): LiveView {
  const { stream, color, quiet, environment = process.env } = options;
  if (quiet) return { log: () => {}, finish: () => {} };
  if (stream.isTTY !== true || !isRedrawn(environment)) return lineView(options);
  return redrawnView(options, paletteFor(hasColors(stream, environment, color)));
}

/** CI servers give their jobs a terminal at times, whose output is then read as a file. */
function isRedrawn({ TERM: terminal, CI: ci = '' }: Environment): boolean {
  return terminal !== 'dumb' && (ci === '' || ci === 'false');
}

function redrawnView({ stream, clock, progress }: LiveViewOptions, palette: Palette): LiveView {
  // The cursor stays: hiding it would put handlers on the process's signals.
  const draw = createLogUpdate(stream, { showCursor: true });
  let frame = '';
  const redraw = (): void => {
    const { columns = COLUMNS_DEFAULT, rows = ROWS_DEFAULT } = stream;
    stream.write(ERASE_LINE_AND_GO_UP.repeat(rowsByReflow(frame, columns)));
    // Below it there is the cursor.
    frame = renderProgress(progress(), { columns, rows: rows - 1 }, palette);
    draw(frame);
  };
  redraw();
  const timer = repeat(clock, REDRAW_INTERVAL_MS, redraw);
  return {
    log(line) {
      draw.clear();
      frame = '';
      stream.write(`${line}\n`);
      redraw();
    },
    finish() {
      timer.cancel();
      draw.clear();
    },
  };
}

/** Rows that a frame takes more than it has lines, since a terminal that was made narrower wraps what it shows. */
function rowsByReflow(frame: string, columns: number): number {
  return frame
    .split('\n')
    .reduce((rows, line) => rows + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)) - 1, 0);
}

function lineView({ stream, clock, progress }: LiveViewOptions): LiveView {
  const write = (line: string): void => {
    stream.write(`${line}\n`);
  };
  let shown = '';
  const show = (): void => {
    const line = progressLine(progress());
    if (line !== shown) write(line);
    shown = line;
  };
  const timer = repeat(clock, LINE_INTERVAL_MS, show);
  return {
    log: write,
    finish() {
      timer.cancel();
      const last = progress();
      if (last.recent.length > 0 || last.settled > 0) show();
    },
  };
}
