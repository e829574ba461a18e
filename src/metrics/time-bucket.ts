import type { SampleRecord } from '../journal/journal-record.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { Extent } from './extent.ts';

/** Digits of the histograms of one bucket: within 1%, finer than a plot can show, and 13 kB each. */
const SIGNIFICANT_DIGITS = 2;

/** What is seen once a second; the extremes of a bucket are those of its seconds. */
const SAMPLED_METRICS = [
  'inFlight',
  'launched',
  'settled',
  'throttles',
  'startLagMs',
  'loopDelayMs',
  'cpuShare',
  'emulatorCpuShare',
  'rateAllowedPerSecond',
] as const;

export type SampledMetric = (typeof SAMPLED_METRICS)[number];

/** A stretch of a run. */
export class TimeBucket {
  launched = 0;
  /** With whatever result. */
  ended = 0;
  assigned = 0;
  /** Of assigned registrations that ended here; made for the first of them. */
  service: DurationHistogram | null = null;
  readonly sampled = Object.fromEntries(SAMPLED_METRICS.map((metric) => [metric, new Extent()])) as Readonly<
    Record<SampledMetric, Extent>
  >;

  addService(serviceMs: number): void {
    this.service ??= new DurationHistogram(SIGNIFICANT_DIGITS);
    this.service.recordMs(serviceMs);
  }

  addSample(sample: SampleRecord): void {
    const { sampled } = this;
    sampled.inFlight.add(sample.inFlight);
    sampled.launched.add(sample.launched);
    sampled.settled.add(sample.settled);
    sampled.throttles.add(sample.throttles);
    sampled.startLagMs.add(sample.startLagMaxMs);
    sampled.loopDelayMs.add(sample.loopDelayMaxMs.length === 0 ? null : Math.max(...sample.loopDelayMaxMs));
    sampled.cpuShare.add(sample.cpuShare);
    sampled.emulatorCpuShare.add(sample.emulatorCpuShare);
    sampled.rateAllowedPerSecond.add(sample.rateAllowedPerSecond);
  }

  merge(later: TimeBucket): void {
    this.launched += later.launched;
    this.ended += later.ended;
    this.assigned += later.assigned;
    if (this.service !== null && later.service !== null) this.service.addAll(later.service);
    this.service ??= later.service;
    for (const metric of SAMPLED_METRICS) this.sampled[metric].merge(later.sampled[metric]);
  }
}
