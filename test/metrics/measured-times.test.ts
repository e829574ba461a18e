import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LatencyHistograms } from '../../src/metrics/latency-histograms.ts';
import { LATENCY_METRICS } from '../../src/metrics/latency-metric.ts';
import { MeasuredTimes } from '../../src/metrics/measured-times.ts';
import { withoutStalls } from '../../src/metrics/outcome-times.ts';
import { outcomeRecord, stalledTimes } from '../support/sample-journal.ts';

const summaries = (latency: LatencyHistograms) =>
  LATENCY_METRICS.map((metric) => [metric, latency.of(metric).summary()]);

it('counts every registration in both, with and without the delays, whatever was delayed', () => {
  const delays = fc.array(fc.option(fc.integer({ min: 1, max: 10 })), { maxLength: 30 });
  fc.assert(
    fc.property(delays, (startLags) => {
      const outcomes = startLags.map((startLagMs, row) => ({
        ...outcomeRecord(row),
        stalled: startLagMs === null ? null : stalledTimes({ startLagMs }),
      }));
      const [times, all, best] = [new MeasuredTimes(), new LatencyHistograms(), new LatencyHistograms()];
      for (const outcome of outcomes) {
        times.add(outcome, 0);
        all.add(outcome);
        best.add(withoutStalls(outcome));
      }
      times.complete();
      expect(summaries(times.latency)).toEqual(summaries(all));
      expect(summaries(times.withoutStalls.latency)).toEqual(summaries(best));
    }),
  );
});
