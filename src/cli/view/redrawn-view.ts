import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { RunProgress } from '../../metrics/progress.ts';
import type { Palette } from '../../report/palette.ts';
import { type Clock, repeat } from '../../time/clock.ts';
import { renderProgress } from './render-progress.ts';
import { wrapped } from './terminal-line.ts';

/** Four times a second, as fast as the eye can follow. */
const REDRAW_INTERVAL_MS = 250;

/** For a terminal that does not report its size. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

const ERASE_LINE_AND_GO_UP = '\u001b[2K\u001b[1A';

/** stderr, or its stand-in in a test. */
export type ViewStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** What a view shows. */
export type ViewSource = {
  readonly clock: Clock;
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

/** A frame that is redrawn in place on a terminal. Its library takes 20 ms to load, so only runs that show a frame load this file. */
export function redrawnView({ clock, progress }: ViewSource, stream: ViewStream, palette: Palette): LiveView {
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
