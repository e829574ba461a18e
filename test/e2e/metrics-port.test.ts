import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { startDpsload } from '../support/dpsload-program.ts';
import { metricValue, parseMetrics } from '../support/prometheus-text.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

it('a run can be scraped while it goes on, and never shows more than its summary does', async () => {
  const fleet = join(root, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: 120 }, (_, row) => `dev-${row}`).join('\n')}\n`);
  const args = ['--emulator', '--metrics-port', '0', '-c', '30', '-w', '1', '--out', join(root, 'out'), '--json'];
  const run = startDpsload(['run', fleet, ...args]);
  await run.until(({ stderr }) => /metrics: .*\n/.test(stderr));
  const url = /metrics: (\S+)/.exec(run.stderr())?.[1] ?? '';
  let seen = 0;
  let scrapes = 0;
  while (run.child.exitCode === null) {
    const text = await fetch(url)
      .then((response) => response.text())
      .catch(() => '');
    if (text === '') break;
    const assigned = metricValue(parseMetrics(text), 'dpsload_registrations_total', { result: 'assigned' }) ?? 0;
    expect(assigned).toBeGreaterThanOrEqual(seen);
    [seen, scrapes] = [assigned, scrapes + 1];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { code, stdout } = await run.ended;
  const { results } = JSON.parse(stdout) as Summary;
  expect([code, results.assigned]).toEqual([0, 120]);
  expect(scrapes).toBeGreaterThan(1);
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThanOrEqual(120);
  await expect(fetch(url)).rejects.toThrow();
});
