import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { serveMetrics } from '../../src/prometheus/publish-metrics.ts';
import { RunMetrics, TIME_BUCKETS_SECONDS } from '../../src/prometheus/run-metrics.ts';
import { writeResults } from '../../src/results/write-results.ts';
import { agentSample } from '../support/agents-journal.ts';
import { operatorError } from '../support/fleet-file.ts';
import { metricValue, parseMetrics } from '../support/prometheus-text.ts';
import {
  notAssigned,
  outcomeRecord,
  sampleJournal,
  sampleRecord,
  sessionRecord,
  writeJournal,
} from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

function metricsOf(records: readonly JournalRecord[]): RunMetrics {
  const { target } = sessionRecord();
  const metrics = new RunMetrics({ target, version: '0.1.0', total: 500, ratePerSecond: 50 });
  for (const record of records) {
    if (record.kind === 'outcome') {
      metrics.counted({ ...record, connectionsLost: 0, registersRepeated: 0 });
      metrics.settled(record);
    }
    if (record.kind === 'sample') metrics.sampled(record);
  }
  return metrics;
}

describe('the metrics of a run', () => {
  it('agree with its summary', async () => {
    const journal = sampleJournal(500, 51);
    const folder = mkdtempSync(join(root, 'run-'));
    writeJournal(join(folder, 'journal.ndjson'), journal);
    const summary = await writeResults(folder, { fleet: null });
    const found = parseMetrics(await metricsOf(journal).text());
    const value = (name: string, labels = {}) => metricValue(found, `dpsload_${name}`, labels);
    for (const [result, count] of Object.entries(summary.results)) {
      expect([result, value('registrations_total', { result })]).toEqual([result, count]);
    }
    for (const { hub, count } of summary.hubs) expect(value('registrations_assigned_total', { hub })).toBe(count);
    for (const { code, count } of summary.errors) expect(value('errors_total', { code })).toBe(count);
    const { requests, latency } = summary;
    expect([value('register_requests_total'), value('polls_total'), value('connections_total')]).toEqual([
      requests.registersSent,
      requests.polls,
      requests.connections,
    ]);
    expect([value('throttles_total'), value('server_errors_total')]).toEqual([
      requests.throttles,
      requests.serverErrors,
    ]);
    expect(value('service_time_seconds_count')).toBe(latency.service?.count);
    const meanSeconds = Number(value('service_time_seconds_sum')) / Number(latency.service?.count);
    expect(meanSeconds).toBeCloseTo(Number(latency.service?.meanMs) / 1_000, 4);
    expect(value('accepted_time_seconds_count')).toBe(latency.accepted?.count);
    expect(value('planned_registrations')).toBe(500);
  });

  it('count times in seconds, in buckets from 10 ms to 10 min', async () => {
    const times = { intendedAtMs: 0, startedAtMs: 0, waitedMs: 0 };
    const outcomes = [9, 400, 600_001].map((finishedAtMs, row) => outcomeRecord(row, { ...times, finishedAtMs }));
    const failed = outcomeRecord(3, notAssigned({ result: 'failed', ...times, finishedAtMs: 20 }));
    const found = parseMetrics(await metricsOf([...outcomes, failed]).text());
    const below = (le: string) => metricValue(found, 'dpsload_service_time_seconds_bucket', { le });
    expect([below('0.01'), below('0.3'), below('0.4'), below('600'), below('+Inf')]).toEqual([1, 1, 2, 2, 3]);
    expect([TIME_BUCKETS_SECONDS[0], TIME_BUCKETS_SECONDS.at(-1)]).toEqual([0.01, 600]);
    // Where the service answers, a bucket is narrow enough for a quantile within it.
    const steps = TIME_BUCKETS_SECONDS.flatMap((bound, index) => {
      const before = TIME_BUCKETS_SECONDS[index - 1];
      return before === undefined || before < 0.1 || bound > 10 ? [] : [bound / before];
    });
    expect(Math.max(...steps)).toBeLessThanOrEqual(1.5);
    expect(TIME_BUCKETS_SECONDS).toEqual(expect.arrayContaining([0.05, 0.1, 10, 60]));
  });

  it('are in the text format of Prometheus: each family with its meaning and type, buckets that add up', async () => {
    const full = sampleRecord(1_000, { startLagMaxMs: 1, rateAllowedPerSecond: 15, agents: [agentSample('west-1')] });
    const text = await metricsOf([...sampleJournal(500, 51), full]).text();
    const types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map(([, name, type]) => [name, type]),
    );
    const found = parseMetrics(text);
    for (const { name } of found) {
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      expect(text).toMatch(new RegExp(`^# HELP ${family} \\S.*\\.$`, 'm'));
      expect([name, types.get(family) === 'counter']).toEqual([name, name.endsWith('_total')]);
      expect(name).not.toMatch(/_(ms|millis|minutes|kb|mb)(_|$)/);
    }
    for (const [family] of [...types].filter(([, type]) => type === 'histogram')) {
      const buckets = found.filter(({ name }) => name === `${family}_bucket`).map(({ value }) => value);
      expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
      expect(buckets).toHaveLength(TIME_BUCKETS_SECONDS.length + 1);
      expect(buckets.at(-1)).toBe(metricValue(found, `${family}_count`));
    }
    const series = found.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
    expect(new Set(series).size).toBe(series.length);
  });

  it('count what happens once: when it happens, and not again when the registration ends', async () => {
    const metrics = metricsOf([]);
    const throttled = { attempts: 1, registersSent: 3, polls: 0, throttles: 3, serverErrors: 0, staleAnswers: 0 };
    metrics.counted({ ...throttled, retryAftersClamped: 0, connectionsLost: 2, registersRepeated: 0 });
    const counts = async () => {
      const found = parseMetrics(await metrics.text());
      const names = ['connections', 'connections_lost', 'register_requests', 'throttles', 'polls'];
      return names.map((name) => metricValue(found, `dpsload_${name}_total`));
    };
    expect(await counts()).toEqual([1, 2, 3, 3, 0]);
    metrics.settled(outcomeRecord(0, throttled));
    expect(await counts()).toEqual([1, 2, 3, 3, 0]);
  });

  it('say nothing of what is not known', async () => {
    const unknown = { startLagMaxMs: null, emulatorCpuShare: null, fileDescriptors: null, rateAllowedPerSecond: null };
    const text = await metricsOf([sampleRecord(1_000, unknown)]).text();
    expect(text).toContain('dpsload_registrations_in_flight 100\n');
    expect(text).toContain('dpsload_loop_delay_max_seconds{worker="0"} 0.0045\n');
    expect(text).not.toMatch(/start_lag|emulator_cpu|file_descriptors|rate_allowed/);
  });

  it('tell of each agent how it is, and of a lost one only that', async () => {
    const lost = { isLost: true, launched: 0, inFlight: 0, startLagMaxMs: null } as const;
    const metrics = metricsOf([
      sampleRecord(1_000, { agents: [agentSample('west-1'), agentSample('west-2', { fileDescriptors: null })] }),
      sampleRecord(2_000, { agents: [agentSample('west-1', { launched: 3 }), agentSample('west-2', lost)] }),
    ]);
    const found = parseMetrics(await metrics.text());
    const of = (agent: string) =>
      Object.fromEntries(
        found
          .filter(({ name, labels }) => name.startsWith('dpsload_agent_') && labels['agent'] === agent)
          .map(({ name, value }) => [name.replace('dpsload_agent_', ''), value]),
      );
    expect(of('west-1')).toEqual({
      up: 1,
      launches_total: 20,
      registrations_in_flight: 12,
      cpu_cores: 0.4,
      resident_memory_bytes: 90_000_000,
      open_file_descriptors: 77,
      start_lag_max_seconds: 0.0025,
      loop_delay_max_seconds: 0.00325,
      clock_offset_seconds: 0.00125,
      clock_uncertainty_seconds: 0.0003,
    });
    expect(of('west-2')).toEqual({ up: 0, launches_total: 17 });
    expect(await metricsOf(sampleJournal(50, 53)).text()).not.toContain('agent');
  });

  it('stay bounded, whatever codes and hubs the service sends', async () => {
    const failed = Array.from({ length: 300 }, (_, row) =>
      outcomeRecord(row, notAssigned({ result: 'failed', errorCode: `code-${row}"\n` })),
    );
    const assigned = Array.from({ length: 300 }, (_, row) => outcomeRecord(row, { assignedHub: `hub-${row}` }));
    const found = parseMetrics(await metricsOf([...failed, ...assigned]).text());
    for (const [name, label] of [
      ['dpsload_errors_total', 'code'],
      ['dpsload_registrations_assigned_total', 'hub'],
    ] as const) {
      expect(found.filter((metric) => metric.name === name)).toHaveLength(101);
      expect(metricValue(found, name, { [label]: 'other' })).toBe(200);
    }
  });

  it('are all there that the dashboard shows, and the dashboard shows all', async () => {
    const file = new URL('../../scenarios/grafana-dashboard.json', import.meta.url);
    const shown = new Set(readFileSync(file, 'utf8').match(/dpsload_[a-z0-9_]+/g));
    const agents = [agentSample('west-1')];
    const full = sampleRecord(1_000, { startLagMaxMs: 1, rateAllowedPerSecond: 15, agents });
    const text = await metricsOf([...sampleJournal(500, 52), full]).text();
    const there = new Set(parseMetrics(text).map(({ name }) => name));
    expect([...shown].filter((name) => !there.has(name))).toEqual([]);
    const base = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
    const basesShown = new Set([...shown].map(base));
    expect([...there].filter((name) => !basesShown.has(base(name)))).toEqual(['dpsload_run_info']);
    expect(shown.size).toBeGreaterThan(20);
  });
});

describe('the metrics server', () => {
  it('serves OpenMetrics to whoever accepts it', async () => {
    const odd = outcomeRecord(0, notAssigned({ result: 'failed', errorCode: 'le="1"\n' }));
    const server = await serveMetrics(metricsOf([...sampleJournal(50, 7), odd]), 0);
    const plain = await (await fetch(server.url)).text();
    const response = await fetch(server.url, { headers: { accept: 'application/openmetrics-text;version=1.0.0,*/*' } });
    await server.close();
    expect(response.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/[^\n]\n# EOF\n$/);
    expect(text).not.toContain('\n\n');
    expect(text).toContain('# TYPE dpsload_throttles counter\ndpsload_throttles_total ');
    expect(text).not.toMatch(/^# (HELP|TYPE) \S+_total /m);
    expect(text).toContain('dpsload_service_time_seconds_bucket{le="1.0"} ');
    expect(text).toContain('dpsload_errors_total{code="le=\\"1\\"\\n"} 1\n');
    // Otherwise the samples are the same.
    expect(parseMetrics(text.replace(/(_bucket\{le="\d+)\.0"/g, '$1"'))).toEqual(parseMetrics(plain));
  });

  it('serves /metrics on loopback, and nothing else', async () => {
    const server = await serveMetrics(metricsOf([outcomeRecord(0)]), 0);
    const response = await fetch(server.url);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/plain'),
    ]);
    expect(await response.text()).toContain('dpsload_registrations_total{result="assigned"} 1\n');
    expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(server.url, { method: 'POST' })).status).toBe(404);
    expect(new URL(server.url).hostname).toBe('127.0.0.1');
    const port = Number(new URL(server.url).port);
    const { message } = await operatorError(() => serveMetrics(metricsOf([]), port));
    expect(message).toContain('Choose another port with --metrics-port N');
    await server.close();
  });
});
