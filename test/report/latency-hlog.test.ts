import { HistogramLogReader, listTags } from 'hdr-histogram-js';
import { expect, it } from 'vitest';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { LATENCY_METRICS } from '../../src/metrics/latency-metric.ts';
import { latencyHlog } from '../../src/report/latency-hlog.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';

it('reads back as HdrHistogram logs do: one histogram of microseconds for each metric', () => {
  const latency = new LatencyHistograms();
  for (let row = 0; row < 100; row += 1) {
    const { phases } = outcomeRecord(row);
    latency.add(outcomeRecord(row, { finishedAtMs: row * 10 + 3010 + row, phases: { ...phases, dnsMs: 3 } }));
  }
  latency.add(outcomeRecord(100, notAssigned({ result: 'failed' })));
  const log = latencyHlog(latency, Date.UTC(2026, 0, 2), 12_345);
  expect(listTags(log)).toEqual([...LATENCY_METRICS]);
  const reader = new HistogramLogReader(log);
  for (const metric of LATENCY_METRICS) {
    const histogram = reader.nextIntervalHistogram();
    const expectedMs = latency.of(metric).percentileMs(50) ?? Number.NaN;
    expect(histogram?.tag).toBe(metric);
    expect(histogram?.totalCount).toBe(latency.of(metric).count);
    expect(Math.abs((histogram?.getValueAtPercentile(50) ?? 0) / 1000 - expectedMs)).toBeLessThanOrEqual(
      expectedMs / 1000,
    );
    expect(histogram?.startTimeStampMsec).toBe(Date.UTC(2026, 0, 2));
    expect(histogram?.endTimeStampMsec).toBe(Date.UTC(2026, 0, 2) + 12_345);
  }
});

it('leaves out what was not measured', () => {
  const latency = new LatencyHistograms();
  latency.add(outcomeRecord(0));
  expect(listTags(latencyHlog(latency, 0, 1))).not.toContain('responseNotAssigned');
  expect(listTags(latencyHlog(new LatencyHistograms(), 0, 0))).toEqual([]);
});
