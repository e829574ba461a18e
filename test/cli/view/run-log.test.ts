import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLineView } from '../../../src/cli/view/live-view.ts';
import { progressLine } from '../../../src/cli/view/render-progress.ts';
import { appendingTo } from '../../../src/cli/view/run-log.ts';
import { sampleProgress } from '../../support/sample-progress.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const folder = temporaryFolder();

function start(file: string) {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const progress = () => sampleProgress({ elapsedMs: clock.nowMs() });
  const log = createLineView(
    { clock, progress },
    appendingTo(file, (warning) => warnings.push(warning)),
  );
  return { clock, log, warnings, line: (elapsedMs: number) => progressLine(sampleProgress({ elapsedMs })) };
}

it('appends each notice, and a line of progress every ten seconds, with the wall clock', () => {
  const file = join(folder, 'run.log');
  const { clock, log, warnings, line } = start(file);
  log.log('metrics: http://127.0.0.1:9464/metrics');
  clock.advanceTo(10_500);
  log.log('The target has stopped responding.\nLaunches are paused.');
  clock.advanceTo(25_000);
  log.finish();
  expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toEqual([
    '2026-01-01T00:00:00Z  metrics: http://127.0.0.1:9464/metrics',
    `2026-01-01T00:00:10Z  ${line(10_000)}`,
    '2026-01-01T00:00:10Z  The target has stopped responding. Launches are paused.',
    `2026-01-01T00:00:20Z  ${line(20_000)}`,
    `2026-01-01T00:00:25Z  ${line(25_000)}`,
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(warnings).toEqual([]);
  expect(clock.timers).toBe(0);
});

it('keeps what the file holds, and the permissions that its owner gave it', () => {
  const file = join(folder, 'kept.log');
  writeFileSync(file, 'before\n');
  chmodSync(file, 0o640);
  start(file).log.log('after');
  expect(readFileSync(file, 'utf8')).toBe('before\n2026-01-01T00:00:00Z  after\n');
  expect(statSync(file).mode & 0o777).toBe(0o640);
});

it('warns once when it cannot be written, and tries again', () => {
  const file = join(folder, 'taken.log');
  mkdirSync(file);
  const { log, warnings } = start(file);
  log.log('lost');
  log.log('lost too');
  expect(warnings).toEqual([
    expect.stringMatching(/^warning: cannot write the log file .*taken\.log \(EISDIR.*\); the run continues$/),
  ]);
  rmSync(file, { recursive: true });
  log.log('written');
  expect(readFileSync(file, 'utf8')).toBe('2026-01-01T00:00:00Z  written\n');
  expect(warnings).toHaveLength(1);
});
