import { encodeIntoCompressedBase64 } from 'hdr-histogram-js/dist/encoding.js';
import type { LatencyHistograms } from '../metrics/latency-histograms.ts';
import { LATENCY_METRICS } from '../metrics/latency-metric.ts';

/*
 * HdrHistogram log, format 1.3: one interval, the whole run, for each metric, which is its tag.
 *
 * #[Histogram log format version 1.3]
 * #[StartTime: 1767323045.678 (seconds since epoch), 2026-01-02T03:04:05.678Z]
 * "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
 * Tag=service,0.000,12.345,987.654,HISTFAAA…
 *
 * Timestamp and length in seconds, the timestamp from StartTime on. The values in a histogram are microseconds,
 * Interval_Max is in milliseconds.
 */

/**
 * @param startedAtEpochMs of the first session
 * @param activeMs length of the run
 */
export function latencyHlog(latency: LatencyHistograms, startedAtEpochMs: number, activeMs: number): string {
  const startSeconds = (startedAtEpochMs / 1000).toFixed(3);
  const lines = [
    '#[Histogram log format version 1.3]',
    '#[dpsload: values in microseconds, Interval_Max in milliseconds]',
    `#[StartTime: ${startSeconds} (seconds since epoch), ${new Date(startedAtEpochMs).toISOString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
  for (const metric of LATENCY_METRICS) {
    const histogram = latency.of(metric);
    const maxMs = histogram.percentileMs(100);
    if (maxMs === null) continue;
    const lengthSeconds = (activeMs / 1000).toFixed(3);
    const encoded = encodeIntoCompressedBase64(histogram.inMicroseconds);
    lines.push(`Tag=${metric},0.000,${lengthSeconds},${maxMs.toFixed(3)},${encoded}`);
  }
  return `${lines.join('\n')}\n`;
}
