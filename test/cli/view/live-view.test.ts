import { describe, expect, it } from 'vitest';
import { createLiveView } from '../../../src/cli/view/live-view.ts';
import { progressLine, renderProgress } from '../../../src/cli/view/render-progress.ts';
import type { RunProgress } from '../../../src/metrics/progress.ts';
import { PLAIN } from '../../../src/report/palette.ts';
import { sampleProgress } from '../../support/sample-progress.ts';
import { TerminalScreen } from '../../support/terminal-screen.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Every line of these tests is written at ten seconds. */
const STAMP = '2026-01-01T00:00:10Z';

async function start(
  changes: {
    readonly quiet?: boolean;
    readonly isTTY?: boolean;
    readonly environment?: Record<string, string>;
    readonly color?: boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const screen = new TerminalScreen(80);
  if (changes.isTTY === false) Object.assign(screen, { isTTY: false });
  let progress = sampleProgress({ settled: 0 });
  const view = await createLiveView({
    stream: screen,
    clock,
    color: changes.color ?? true,
    quiet: changes.quiet ?? false,
    environment: changes.environment ?? { TERM: 'xterm' },
    progress: () => progress,
  });
  const set = (next: Partial<RunProgress>): void => {
    progress = sampleProgress(next);
  };
  const frame = (): string =>
    `${renderProgress(progress, { columns: screen.columns, rows: screen.rows - 1 }, PLAIN)}\n`;
  return { clock, screen, view, set, frame, line: () => `${STAMP}  ${progressLine(progress)}\n` };
}

describe('on a terminal', () => {
  it('is redrawn in place, four times a second', async () => {
    const { clock, screen, set, frame } = await start();
    expect(screen.text).toBe(frame());
    const first = frame();
    set({ settled: 700, errors: [] });
    clock.advanceTo(249);
    expect(screen.text).toBe(first);
    clock.advanceTo(250);
    expect(screen.text.trimEnd()).toBe(frame().trimEnd());
    set({ settled: 900 });
    clock.advanceTo(500);
    expect(screen.text).toBe(frame());
  });

  it.each([200, 60, 30, 12])('follows when it is resized to %d columns', async (columns) => {
    const { clock, screen, view, frame } = await start();
    view.log('above');
    screen.resize(columns);
    clock.advanceTo(250);
    expect(screen.text.trimEnd()).toBe(`above\n${frame()}`.trimEnd());
  });

  it('keeps logged lines above it, whole', async () => {
    const { clock, screen, view, frame } = await start();
    view.log('first');
    clock.advanceTo(1000);
    view.log('second');
    clock.advanceTo(2000);
    expect(screen.text.trimEnd()).toBe(`first\nsecond\n${frame()}`.trimEnd());
  });

  it('wraps a logged line between words', async () => {
    const { screen, view } = await start();
    view.log(`warning: cannot write the log file /srv/factory/line-a/${'x'.repeat(20)}/run.log (no space left)`);
    view.finish();
    expect(screen.text.trimEnd().split('\n')).toEqual([
      'warning: cannot write the log file',
      `/srv/factory/line-a/${'x'.repeat(20)}/run.log (no space left)`,
    ]);
  });

  it('leaves only logged lines behind, and no timer', async () => {
    const { clock, screen, view } = await start();
    view.log('kept');
    clock.advanceTo(1000);
    view.finish();
    expect(screen.text.trimEnd()).toBe('kept');
    expect(clock.timers).toBe(0);
  });

  it.each([
    ['of a usual kind', { TERM: 'xterm' }, true, true],
    ['with NO_COLOR', { TERM: 'xterm', NO_COLOR: '1' }, true, false],
    ['with --no-color', { TERM: 'xterm', FORCE_COLOR: '1' }, false, false],
  ])('%s, colors: %o', async (_, environment, color, colored) => {
    const { screen } = await start({ environment, color });
    expect(screen.written.includes('\u001b[1m')).toBe(colored);
  });
});

describe('without one', () => {
  it.each([
    ['a pipe', { isTTY: false }],
    ['a dumb terminal', { environment: { TERM: 'dumb' } }],
    ['the terminal of a CI server', { environment: { TERM: 'xterm', CI: 'true' } }],
  ])('%s gets a line every ten seconds, and a last one', async (_, changes) => {
    const { clock, screen, view, set, line } = await start(changes);
    clock.advanceTo(9_999);
    expect(screen.written).toBe('');
    clock.advanceTo(10_000);
    let expected = line();
    expect(screen.written).toBe(expected);
    view.log('logged');
    expected += `${STAMP}  logged\n`;
    set({ settled: 1000, elapsedMs: 12_000 });
    view.finish();
    expect(screen.written).toBe(expected + line());
    expect(clock.timers).toBe(0);
  });
});

it('prints no line twice when the run ends just as one is due', async () => {
  const { clock, screen, view, line } = await start({ isTTY: false });
  clock.advanceTo(10_000);
  view.finish();
  expect(screen.written).toBe(line());
});

it('says nothing of a run that never began', async () => {
  const { screen, view, set } = await start({ isTTY: false });
  set({ settled: 0, recent: [] });
  view.finish();
  expect(screen.written).toBe('');
});

it('says nothing with --quiet', async () => {
  const { clock, screen, view } = await start({ quiet: true });
  view.log('unheard');
  clock.advanceTo(60_000);
  view.finish();
  expect(screen.written).toBe('');
  expect(clock.timers).toBe(0);
});
