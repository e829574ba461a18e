import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** How far a run may be off its estimate. */
const TOLERANCE = 0.1;

it('a real run within a quota, with a canary, takes as long as check and --dry-run say', {
  timeout: 180_000,
}, async () => {
  const fleet = join(folder, 'fleet.csv');
  writeFileSync(fleet, ['registration_id', ...Array.from({ length: 500 }, (_, index) => `unit-${index}`)].join('\n'));
  const options = ['--emulator', '--quota', '800/min', '--quota-share', '75%', '--canary', '20'];
  const dryRun = await dpsload(['run', fleet, ...options, '--dry-run']);
  const [, minutes, seconds] = /^duration +about (?:(\d+) min )?(\d+) s\b/m.exec(dryRun.stdout) ?? [];
  const estimatedSeconds = Number(minutes ?? 0) * 60 + Number(seconds);
  const check = await dpsload(['check', fleet, ...options, '--json']);
  const { durationMs: checkedMs } = JSON.parse(check.stdout) as { readonly durationMs: number };
  expect(Math.ceil(checkedMs / 1_000)).toBe(estimatedSeconds);
  const run = await dpsload(['run', fleet, ...options, '--out', join(folder, 'out'), '--json']);
  expect(run.code).toBe(0);
  const { recovery } = JSON.parse(run.stdout) as Summary;
  const durationMs = recovery?.to100PercentMs ?? 0;
  expect(Math.abs(durationMs / 1_000 / estimatedSeconds - 1)).toBeLessThan(TOLERANCE);
});
