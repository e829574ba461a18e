import type { Environment } from '../../scenario/scenario.ts';
import { type Clock, repeat } from '../../time/clock.ts';
import { paletteOf } from './colors.ts';
import type { LiveView, ViewSource, ViewStream } from './redrawn-view.ts';
import { progressLine } from './render-progress.ts';

/** Without a terminal: often enough to see that the run is alive, rarely enough for a log of hours. */
const LINE_INTERVAL_MS = 10_000;

/** `2026-01-31T18:00:00Z` */
function wallClock(clock: Clock): string {
  return `${new Date(clock.epochMs()).toISOString().slice(0, 19)}Z`;
}

export type LiveViewOptions = ViewSource & {
  readonly stream: ViewStream;
  /** `false` = `--no-color`. */
  readonly color: boolean;
  /** Show nothing at all. */
  readonly quiet: boolean;
  /** Decides about colors; `TERM=dumb` and `CI` turn redrawing off. */
  readonly environment?: Environment;
};

/** Starts to show progress: a frame redrawn in place on a terminal, else a plain line from time to time. */
export async function createLiveView(options: LiveViewOptions): Promise<LiveView> {
  const { stream, color, quiet, environment = process.env } = options;
  if (quiet) return { log: () => {}, finish: () => {} };
  if (stream.isTTY !== true || !isRedrawn(environment)) {
    return createLineView(options, (line) => stream.write(`${line}\n`));
  }
  const { redrawnView } = await import('./redrawn-view.ts');
  return redrawnView(options, stream, paletteOf(stream, color, environment));
}

/** Some CI servers give jobs a terminal, but record its output as a file. */
function isRedrawn({ TERM: terminal, CI: ci = '' }: Environment): boolean {
  return terminal !== 'dumb' && (ci === '' || ci === 'false');
}

/** Writes a line from time to time, each with the wall clock, without a line feed. */
export function createLineView({ clock, progress }: ViewSource, write: (line: string) => void): LiveView {
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
