import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALLOCATION_VERDICTS } from '../../src/allocation/allocation-verdict.ts';
import type { EndReason } from '../../src/journal/journal-record.ts';
import type { LatencyMetric } from '../../src/metrics/latency-metric.ts';
import { RunMetrics } from '../../src/prometheus/run-metrics.ts';
import { CLOSED_MODEL_WARNING } from '../../src/report/closed-model.ts';
import {
  formatCount,
  formatDuration,
  formatFineShare,
  formatMs,
  formatNumber,
  formatShare,
} from '../../src/report/format.ts';
import { junitXml } from '../../src/report/junit-xml.ts';
import type { Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { metricValue, parseMetrics, type ScrapedMetric } from '../support/prometheus-text.ts';
import { readResultRows } from '../support/results.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { outcomeRecord, sampleJournal, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const THRESHOLDS = [
  'count(failed) == 0',
  'p95(service) < 1h',
  'rate(assigned) >= 50%',
  'throttles < 1',
  'polls > 1',
  'allocation == pass',
];

/** Cells of a table of the page, row by row, without the notes in small print; read by other code than what wrote them. */
function tableOf(page: string, caption: string): readonly (readonly string[])[] {
  const table = page.split('<table').find((part) => part.includes(`<caption>${caption}`)) ?? '';
  const body = /<tbody>([\s\S]*?)<\/tbody>/.exec(table)?.[1] ?? '';
  return body
    .replace(/<small>.*?<\/small>/g, '')
    .split('</tr>')
    .map((row) => row.split(/<\/t[hd]>/).map((cell) => cell.replace(/<[^>]*>/g, '').trim()))
    .map((cells) => cells.slice(0, -1))
    .filter((cells) => cells.length > 0);
}

/** One run, in all its forms. */
describe('the numbers of one run', () => {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  const [session, ...rest] = sampleJournal(2_000, 61);
  const journal =
    session?.kind === 'session' ? [{ ...session, thresholds: THRESHOLDS, allocation: EVEN_THIRDS }, ...rest] : [];
  let summary: Summary;
  let text: string;
  let page: string;
  let metrics: readonly ScrapedMetric[];
  let properties: ReadonlyMap<string, number>;

  beforeAll(async () => {
    writeJournal(join(folder, 'journal.ndjson'), journal);
    await writeResults(folder, { fleet: null });
    summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Summary;
    text = summaryText(summary);
    page = readFileSync(join(folder, 'report.html'), 'utf8');
    const plan = { target: summary.target, version: summary.dpsloadVersion, total: 2_000, ratePerSecond: null };
    const live = new RunMetrics(plan);
    for (const record of journal) {
      if (record.kind !== 'outcome') continue;
      live.settled(record);
      live.counted({ ...record, connectionsLost: 0, registersRepeated: 0 });
    }
    metrics = parseMetrics(await live.text());
    const found = junitXml(summary).matchAll(/<property name="([^"]*)" value="([^"]*)"\/>/g);
    properties = new Map([...found].map(([, name = '', value]) => [name, Number(value)]));
  });

  const scraped = (name: string, labels = {}): number | null => metricValue(metrics, `dpsload_${name}`, labels);

  it('agree on how registrations ended, row by row', () => {
    const rows = readResultRows(join(folder, 'registrations.csv'));
    for (const [result, count] of Object.entries(summary.results)) {
      expect([result, scraped('registrations_total', { result })]).toEqual([result, count]);
      expect([result, properties.get(`results.${result}`)]).toEqual([result, count]);
      expect([result, rows.filter((row) => row['result'] === result).length]).toEqual([result, count]);
      if (count > 0) expect(text).toContain(`${formatCount(count)} ${result}`);
    }
    expect(tableOf(page, 'Outcomes')).toEqual(
      Object.entries(summary.results)
        .filter(([, count]) => count > 0)
        .map(([result, count]) => [result, formatCount(count), formatShare(count / 2_000)]),
    );
  });

  it('agree on the rates, with and without the tail', () => {
    const { launchedPerSecond = null, steadyEndedPerSecond = null, endedPerSecond } = summary.throughput;
    expect([launchedPerSecond, steadyEndedPerSecond]).toEqual([expect.any(Number), expect.any(Number)]);
    const [launched, steady, whole] = [launchedPerSecond, steadyEndedPerSecond, endedPerSecond].map(formatNumber);
    expect(text).toContain(`throughput  ${launched}/s launched, ${steady}/s ended in steady state\n`);
    expect(text).toContain(`            ${whole} registrations/s over `);
    expect(page).toContain(
      `<dd>${steady}</dd><dd class="note">in steady state · ${launched} launched · ${whole} over all `,
    );
    expect(properties.get('throughput.launchedPerSecond')).toBe(launchedPerSecond);
  });

  it('agree that a load without a rate hides stalls, in full', () => {
    for (const form of [text, page]) expect(form.split(CLOSED_MODEL_WARNING)).toHaveLength(2);
  });

  it('agree on what was sent and met', () => {
    const { registersSent, polls, connections, throttles } = summary.requests;
    expect([scraped('register_requests_total'), properties.get('requests.registersSent')]).toEqual([
      registersSent,
      registersSent,
    ]);
    expect([scraped('polls_total'), properties.get('requests.polls')]).toEqual([polls, polls]);
    expect([scraped('connections_total'), scraped('throttles_total')]).toEqual([connections, throttles]);
    expect(text).toContain(`${formatCount(registersSent)} register requests (billed), ${formatCount(polls)} polls`);
    expect(text).toContain(`${formatCount(throttles)} throttles`);
    const shown = new Map(tableOf(page, 'Requests').map(([name = '', count]) => [name, count]));
    expect(['register requests', 'polls', 'connections', 'throttles'].map((name) => shown.get(name))).toEqual(
      [registersSent, polls, connections, throttles].map(formatCount),
    );
  });

  it.each<[LatencyMetric, string]>([
    ['response', 'response_time_seconds'],
    ['service', 'service_time_seconds'],
    ['waited', 'waited_time_seconds'],
    ['accepted', 'accepted_time_seconds'],
  ])('agree on the times of %s', (metric, name) => {
    const durations = summary.latency[metric];
    if (durations === null) throw new Error(`nothing was measured of ${metric}`);
    expect(scraped(`${name}_count`)).toBe(durations.count);
    expect(Number(scraped(`${name}_sum`)) / durations.count).toBeCloseTo(durations.meanMs / 1_000, 4);
    expect(properties.get(`latency.${metric}.p95Ms`)).toBe(durations.p95Ms);
    const cells = [durations.p50Ms, durations.p90Ms, durations.p95Ms, durations.p99Ms].map(formatMs);
    expect(text).toMatch(new RegExp(`\\n *${metric} +${cells.join(' +')} `));
    const [, ...shown] = tableOf(page, 'Latency and phases').find(([name]) => name?.replace('– ', '') === metric) ?? [];
    expect(shown.slice(0, 4)).toEqual(cells);
    expect(shown.at(-1)).toBe(formatCount(durations.count));
  });

  it('agree on hubs and errors', () => {
    for (const { hub, count, share } of summary.hubs) {
      expect(scraped('registrations_assigned_total', { hub })).toBe(count);
      expect(text).toMatch(new RegExp(`\\n${hub} +${formatCount(count)} +${formatShare(share)}\\n`));
    }
    expect(tableOf(page, 'Hubs').map((cells) => cells.slice(0, 3))).toEqual(
      summary.hubs.map(({ hub, count, share }) => [hub, formatCount(count), formatShare(share)]),
    );
    expect(tableOf(page, 'Errors').map((cells) => cells.slice(0, 2))).toEqual(
      summary.errors.map(({ code, count }) => [code, formatCount(count)]),
    );
    expect(summary.errors.length).toBeGreaterThan(3);
    for (const { code, count } of summary.errors) {
      expect(scraped('errors_total', { code })).toBe(count);
      expect(text).toContain(`\n${code}  ${formatCount(count)}, first in row`);
    }
  });

  it('agree on the verdict on the allocation policy', () => {
    const { allocation } = summary;
    // 1,900 devices, of which one in twenty has no hub, are not enough for ±2%.
    expect(allocation?.verdict).toBe('inconclusive');
    expect(text).toContain(
      '\nallocation  inconclusive: even, shares within ±2 percentage points of the stated shares, 95% confidence\n',
    );
    expect(text).toContain('  allocation == pass: observed inconclusive\n');
    expect(junitXml(summary)).toContain(
      '<skipped message="inconclusive: the threshold allocation == pass decides: failed"/>',
    );
    expect(page).toContain('inconclusive</span> even, shares within ±2 percentage points');
    const rows = readResultRows(join(folder, 'registrations.csv'));
    for (const { hub, count, share, interval } of allocation?.cohorts[0]?.hubs ?? []) {
      expect(rows.filter((row) => row['assigned_hub'] === hub).length).toBe(count);
      expect(share).toBe(count / summary.results.assigned);
      const cells = [
        formatCount(count),
        formatFineShare(share ?? 0),
        `${formatFineShare(interval.lower)} to ${formatFineShare(interval.upper)}`,
        '33.33%',
      ];
      expect(text).toMatch(
        new RegExp(`\\n${hub} +${cells.join(' +')}  +inconclusive: more than 1% of devices have no hub\\n`),
      );
      expect(page).toContain(cells.map((cell) => `<td>${cell}</td>`).join(''));
    }
  });

  it('agree on the thresholds', () => {
    const { results, requests, latency, thresholds } = summary;
    const failed = 2_000 - results.assigned;
    expect(thresholds.map(({ observed, passed }) => [observed, passed])).toEqual([
      [failed, false],
      [latency.service?.p95Ms, true],
      [results.assigned / 2_000, true],
      [requests.throttles, false],
      [requests.polls, true],
      [ALLOCATION_VERDICTS.indexOf('inconclusive'), false],
    ]);
    expect(text).toContain('\nthresholds  3 of 6 failed\n');
    expect(junitXml(summary)).toContain('tests="7" failures="3"');
  });
});

/** `--only` and `--exclude` select rows, `--limit` bounds them; what is left out was never part of a run that came to its end. */
it.each<[EndReason, string, number]>([
  ['completed', '5 of 60 devices assigned; 55 not selected', 5],
  ['limit', '5 of 60 devices assigned; 55 not selected', 5],
  ['interrupted', 'Stopped: 5 of 60 devices assigned; 55 not started', 60],
])('5 of 60 rows, %s: all forms agree on what was planned', async (reason, headline, planned) => {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  const outcomes = [3, 11, 25, 40, 59].map((row) => outcomeRecord(row));
  const session = sessionOf(60, { thresholds: ['time_to(99%) < 1h'] });
  writeJournal(join(folder, 'journal.ndjson'), [
    session,
    ...outcomes,
    { kind: 'end', atMs: 9_000, reason, message: null },
  ]);
  const summary = await writeResults(folder, { fleet: null });
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(summary.plannedRegistrations).toBe(planned);
  expect(page).toContain(`<h1>${headline}</h1>`);
  expect(page).toContain(`<dt>Assigned</dt><dd>5</dd><dd class="note">${formatShare(5 / 60)} of the file`);
  expect(page).toContain(`Share of ${planned} devices assigned to a hub: `);
  const { to99PercentMs } = summary.recovery;
  expect(to99PercentMs === null).toBe(planned > 5);
  expect(summary.thresholds[0]?.observed).toBe(to99PercentMs);
  expect(page).toContain(`<dt>99% assigned after</dt><dd>${formatDuration(to99PercentMs)}</dd>`);
  const [devices, after] = tableOf(page, 'Recovery');
  expect(devices?.at(-1)).toBe(formatCount(planned));
  expect(after?.at(3)).toBe(to99PercentMs === null ? 'not reached' : `${(to99PercentMs / 1000).toFixed(2)} s`);
});
