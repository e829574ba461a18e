import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Fault } from '../../src/emulator/service/fault-rule.ts';
import type { Summary } from '../../src/report/summary.ts';
import { type Ended, startDpsload } from '../support/dpsload-program.ts';
import { GROUP_KEY } from '../support/emulated-instance.ts';
import { faultRule } from '../support/fault-rules.ts';
import { metricValue, parseMetrics, type ScrapedMetric } from '../support/prometheus-text.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTestEmulator } from '../support/test-emulator.ts';

const root = temporaryFolder();

it.concurrent('a run can be scraped while it goes on, and never shows more than its summary does', async () => {
  const fleet = join(root, 'fleet.csv');
  writeFileSync(fleet, `registration_id\n${Array.from({ length: 60 }, (_, row) => `dev-${row}`).join('\n')}\n`);
  const args = ['--emulator', '--metrics-port', '0', '-c', '30', '-w', '1', '--out', join(root, 'out'), '--json'];
  const run = startScrapedRun(join(root, 'scraped'), [fleet, ...args]);
  let seen = 0;
  for await (const metrics of run.scrapes()) {
    const assigned = metricValue(metrics, 'dpsload_registrations_total', { result: 'assigned' }) ?? 0;
    expect(assigned).toBeGreaterThanOrEqual(seen);
    seen = assigned;
    await pauseMs(20);
  }
  const { code, stdout } = await run.ended;
  const { results } = JSON.parse(stdout) as Summary;
  expect([code, results.assigned, seen]).toEqual([0, 60, 60]);
  const url = run.url();
  await expect(fetch(url)).rejects.toThrow();
});

type ScrapedRun = {
  readonly url: () => string;
  /** What a scraper sees while the run goes on, and at last when all is over but the results, which wait until it was seen. */
  scrapes(): AsyncGenerator<readonly ScrapedMetric[]>;
  readonly ended: Promise<Ended>;
};

/** A run whose results are written once `seenFile` is there. */
function startScrapedRun(
  seenFile: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ScrapedRun {
  const preload = [`stuck-results.mjs?until=${encodeURIComponent(seenFile)}`];
  const run = startDpsload(['run', ...args], { env, preload });
  const url = (): string => /metrics: (\S+)/.exec(run.stderr())?.[1] ?? '';
  return {
    url,
    async *scrapes() {
      await run.until(({ stderr }) => /metrics: .*\n/.test(stderr));
      for (let isOver = false; !isOver; ) {
        isOver = run.stderr().includes('stuck');
        yield parseMetrics(await (await fetch(url())).text());
      }
      writeFileSync(seenFile, '');
    },
    ended: run.ended,
  };
}

/** What the journal must show in the middle of the storm: throttles of devices that have not ended. */
const UNENDED_THROTTLES = 100;

it.concurrent('throttles count when they happen, as the journal has them, and end where the summary does', async () => {
  const folder = mkdtempSync(join(root, 'storm-'));
  const [fleet, out] = [join(folder, 'fleet.csv'), join(folder, 'out')];
  writeFileSync(fleet, `registration_id\n${Array.from({ length: 200 }, (_, row) => `dev-${row}`).join('\n')}\n`);
  const throttle: Fault = { kind: 'error-answer', errorCode: 429001, retryAfterSeconds: 1 };
  const emulator = await startTestEmulator({ faults: [faultRule(throttle, { points: ['register'] })] });
  try {
    const load = ['--at-once', '-c', '200', '-w', '1', '--quota', 'off', '--governor', 'off', '--attempts', '1000'];
    const args = [fleet, ...targetArgs(emulator), ...load, '--metrics-port', '0', '--out', out, '--json', '--yes'];
    const run = startScrapedRun(join(folder, 'scraped'), args, { DPSLOAD_GROUP_KEY: GROUP_KEY });
    let last: readonly ScrapedMetric[] = [];
    let inJournal = { throttles: 0, ended: 0 };
    let isStorm = true;
    for await (const metrics of run.scrapes()) {
      last = metrics;
      // The metrics had earlier what the journal has now: both come from the same messages of the workers.
      expect(metricValue(last, 'dpsload_throttles_total') ?? 0).toBeGreaterThanOrEqual(inJournal.throttles * 0.9);
      await pauseMs(30);
      inJournal = throttlesSoFar(out);
      if (!isStorm || inJournal.throttles - inJournal.ended < UNENDED_THROTTLES) continue;
      isStorm = false;
      await emulator.update({ faults: [] });
    }
    const { code, stdout, stderr } = await run.ended;
    const summary = JSON.parse(stdout) as Summary;
    expect([code, summary.results.assigned, isStorm], stderr).toEqual([0, 200, false]);
    const { throttles, registersSent, polls, connections } = summary.requests;
    expect(throttles).toBe(emulator.counters.faultsInjected);
    const final = ['throttles', 'register_requests', 'polls', 'connections'].map((name) =>
      metricValue(last, `dpsload_${name}_total`),
    );
    expect(final).toEqual([throttles, registersSent, polls, connections]);
  } finally {
    await emulator.close();
  }
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
