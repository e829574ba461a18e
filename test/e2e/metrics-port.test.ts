import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { startDpsload } from '../support/dpsload-program.ts';
import { metricValue, parseMetrics } from '../support/prometheus-text.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

it.concurrent('a run can be scraped while it goes on, and never shows more than its summary does', async () => {
  const fleet = join(root, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: 60 }, (_, row) => `dev-${row}`).join('\n')}\n`);
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
  expect([code, results.assigned]).toEqual([0, 60]);
  expect(scrapes).toBeGreaterThan(1);
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThanOrEqual(60);
  await expect(fetch(url)).rejects.toThrow();
});

/** Four of five register requests are throttled for a few seconds: 200 devices send several hundred requests, and most of them have not ended yet. */
const STORM = `version: 1
seed: 7
faults:
  - { fault: error-answer, at: [register], errorCode: 429001, retryAfter: 1s, share: 80%, until: 9s }
instances:
  - idScope: 0ne0000E001
    enrollmentGroups:
      - enrollmentGroupId: default
        attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }
`;

it.concurrent('throttles count when they happen, as the journal has them, and end where the summary does', async () => {
  const folder = mkdtempSync(join(root, 'storm-'));
  const [fleet, emulator, out] = ['fleet.csv', 'emulator.yaml', 'out'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(fleet, `registration_id\n${Array.from({ length: 200 }, (_, row) => `dev-${row}`).join('\n')}\n`);
  writeFileSync(emulator, STORM);
  const load = ['--at-once', '-c', '200', '-w', '1', '--quota', 'off', '--governor', 'off', '--attempts', '30'];
  const args = ['--emulator', '--emulator-config', emulator, ...load, '--metrics-port', '0', '--out', out, '--json'];
  const run = startDpsload(['run', fleet, ...args, '--yes'], {
    env: { DPSLOAD_GROUP_KEY: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
  });
  await run.until(({ stderr }) => /metrics: .*\n/.test(stderr));
  const url = /metrics: (\S+)/.exec(run.stderr())?.[1] ?? '';
  const seen: { readonly counted: number; readonly atLeast: number; readonly ended: number }[] = [];
  let last = parseMetrics('');
  while (run.child.exitCode === null) {
    // The metrics had earlier what the journal has now: both come from the same messages of the workers.
    const { throttles: atLeast, ended } = throttlesSoFar(out);
    const text = await fetch(url)
      .then((response) => response.text())
      .catch(() => '');
    if (text === '') break;
    last = parseMetrics(text);
    seen.push({ counted: metricValue(last, 'dpsload_throttles_total') ?? 0, atLeast, ended });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  const { code, stdout, stderr } = await run.ended;
  const summary = JSON.parse(stdout) as Summary;
  expect([code, summary.results.assigned], stderr).toEqual([0, 200]);
  expect(summary.requests.throttles).toBeGreaterThan(300);
  // In the middle of the storm, most of the throttles are those of devices that have not ended.
  expect(Math.max(...seen.map(({ atLeast, ended }) => atLeast - ended))).toBeGreaterThan(100);
  for (const { counted, atLeast } of seen) expect(counted).toBeGreaterThanOrEqual(atLeast * 0.9);
  // The last scrape falls into the time in which the results are written.
  const { throttles, registersSent, polls, connections } = summary.requests;
  const final = ['throttles', 'register_requests', 'polls', 'connections'].map((name) =>
    metricValue(last, `dpsload_${name}_total`),
  );
  expect(final).toEqual([throttles, registersSent, polls, connections]);
});

/** According to the journal's samples, a second late at most, and according to its outcomes. */
function throttlesSoFar(out: string): { readonly throttles: number; readonly ended: number } {
  const [run] = existsSync(out) ? readdirSync(out) : [];
  const journal = join(out, run ?? '', 'journal.ndjson');
  let [throttles, ended] = [0, 0];
  if (run === undefined || !existsSync(journal)) return { throttles, ended };
  for (const line of readFileSync(journal, 'utf8').split('\n').slice(0, -1)) {
    const record = JSON.parse(line) as Record<string, unknown>;
    if (record['kind'] === 'sample') throttles += Number(record['throttles']);
    if (record['kind'] === 'outcome') ended += Number(record['throttles'] ?? 0);
  }
  return { throttles, ended };
}
