import { percentileCurve, percentilePlaces } from '../../metrics/duration-histogram.ts';
import type { Extent } from '../../metrics/extent.ts';
import type { SampledMetric, TimeBucket } from '../../metrics/run-timeline.ts';
import type { PlotData, PlotMark, PlotSeries } from './plot-data.ts';
import { type ReportFacts, recoveryTimes } from './report-facts.ts';

export const ALLOWED_RATE = 'allowed rate';

/** All plots of the report. Those over time share their x values, the ends of the buckets. */
export function runPlots(facts: ReportFacts) {
  const time = new TimePlots(facts);
  return {
    rates: time.rates(),
    inFlight: time.inFlight(),
    throttles: time.throttles(),
    service: time.service(),
    percentiles: percentiles(facts),
    recovery: time.recovery(),
    lateness: time.lateness(),
    cpu: time.cpu(),
  };
}

export type RunPlots = ReturnType<typeof runPlots>;

export function hasValues({ series }: PlotData): boolean {
  return series.some(({ values }) => values.some((value) => value !== null));
}

const LINE = { color: 'a', shape: 'line', bridged: false, filledTo: null } as const;

class TimePlots {
  readonly #facts: ReportFacts;
  readonly #buckets: readonly TimeBucket[];
  readonly #x: readonly number[];

  constructor(facts: ReportFacts) {
    this.#facts = facts;
    this.#buckets = facts.timeline.buckets();
    this.#x = this.#buckets.map((_, index) => facts.timeline.endMs(index));
  }

  rates(): PlotData {
    const series: PlotSeries[] = [
      { ...LINE, label: 'launches', values: this.#perSecond(({ launched }) => launched) },
      { ...LINE, label: 'completions', color: 'b', values: this.#perSecond(({ ended }) => ended) },
    ];
    const peaks = [
      { ...this.#sampled('launched', 'max'), label: 'peak launches', shape: 'dashed' } as const,
      { ...this.#sampled('settled', 'max'), label: 'peak completions', shape: 'dashed', color: 'b' } as const,
    ];
    return this.#plot('plot-rates', 'perSecond', this.#isWide() ? [...series, ...peaks] : series, this.#intendedRate());
  }

  inFlight(): PlotData {
    const { concurrency } = this.#lastSession();
    const marks: PlotMark[] = [{ axis: 'y', at: concurrency, label: `concurrency ${concurrency}` }];
    const most: PlotSeries = { ...this.#sampled('inFlight', 'max'), label: 'max in flight' };
    const least: PlotSeries = { ...this.#sampled('inFlight', 'min'), label: 'min in flight', shape: 'dashed' };
    const peaks: PlotSeries = { ...LINE, label: 'in flight', values: this.#facts.timeline.inFlightPeaks() };
    // A run may end before it is sampled.
    const series = this.#isWide() ? [{ ...most, filledTo: 1 }, least] : [peaks];
    return this.#plot('plot-in-flight', 'count', series, marks);
  }

  throttles(): PlotData {
    const bounded = this.#buckets.some(({ sampled }) => sampled.rateAllowedPerSecond.count > 0);
    const throttled = this.#buckets.some(({ sampled }) => sampled.throttles.sum > 0);
    const throttles = { ...this.#sampled('throttles', 'mean'), label: 'throttles', shape: 'bars', color: 'b' } as const;
    const rate = this.#sampled('rateAllowedPerSecond', 'min');
    const allowed: PlotSeries = { ...rate, label: ALLOWED_RATE, shape: 'steps' };
    const series = [...(throttled ? [throttles] : []), ...(bounded ? [allowed] : [])];
    return this.#plot('plot-throttles', 'perSecond', series, bounded ? this.#intendedRate() : []);
  }

  service(): PlotData {
    const at = (percentile: number) => ({
      ...LINE,
      values: this.#buckets.map(({ service }) => service?.percentileMs(percentile) ?? null),
      bridged: this.#isFine(),
    });
    const series: PlotSeries[] = [
      { ...at(100), label: 'max', color: 'highest', filledTo: 1 },
      { ...at(99), label: 'p99', color: 'higher', filledTo: 2 },
      { ...at(90), label: 'p90', color: 'high', filledTo: 3 },
      { ...at(50), label: 'p50', color: 'median' },
    ];
    return { ...this.#plot('plot-service', 'ms', series), logarithmic: true };
  }

  recovery(): PlotData {
    const { summary, timeline } = this.#facts;
    let assigned = 0;
    const values = this.#buckets.map((bucket) => {
      assigned += bucket.assigned;
      return assigned / summary.plannedRegistrations;
    });
    const marks = recoveryTimes(summary).flatMap(({ share, afterMs }): PlotMark[] =>
      afterMs === null ? [] : [{ axis: 'x', at: (timeline.firstStartMs ?? 0) + afterMs, label: `${share * 100}%` }],
    );
    const series: PlotSeries = { ...LINE, label: 'assigned', color: 'c', values: assigned === 0 ? [] : values };
    return { ...this.#plot('plot-recovery', 'share', [series], marks), yMax: 1 };
  }

  lateness(): PlotData {
    const loopDelay: PlotSeries = { ...this.#sampled('loopDelayMs', 'max'), label: 'event-loop delay' };
    const startLag: PlotSeries = { ...this.#sampled('startLagMs', 'max'), label: 'start lag', color: 'b' };
    const lagged = this.#buckets.some(({ sampled }) => sampled.startLagMs.count > 0);
    return this.#plot('plot-lateness', 'ms', lagged ? [loopDelay, startLag] : [loopDelay]);
  }

  cpu(): PlotData {
    const own: PlotSeries = { ...this.#sampled('cpuShare', 'max'), label: 'dpsload' };
    const emulator: PlotSeries = { ...this.#sampled('emulatorCpuShare', 'max'), label: 'emulator', color: 'b' };
    const emulated = this.#buckets.some(({ sampled }) => sampled.emulatorCpuShare.count > 0);
    const marks: PlotMark[] = [{ axis: 'y', at: this.#lastSession().workers, label: 'all workers busy' }];
    return this.#plot('plot-cpu', 'cores', emulated ? [own, emulator] : [own], marks);
  }

  #plot(id: string, unit: PlotData['unit'], series: readonly PlotSeries[], marks: readonly PlotMark[] = []): PlotData {
    return { id, axis: 'time', unit, logarithmic: false, yMax: null, x: this.#x, series, marks };
  }

  /** Each bucket contains several samples, so their extremes differ. */
  #isWide(): boolean {
    return this.#facts.timeline.bucketMs > 1000;
  }

  /** Buckets are so short that some have no sample or no completion although the run continued. */
  #isFine(): boolean {
    return this.#facts.timeline.bucketMs <= 2000;
  }

  #perSecond(countOf: (bucket: TimeBucket) => number): readonly number[] {
    const { timeline } = this.#facts;
    return this.#buckets.map((bucket, index) => {
      const lengthMs = timeline.endMs(index) - index * timeline.bucketMs;
      return (countOf(bucket) * 1000) / lengthMs;
    });
  }

  /** A sample covers one second, so its counts are rates. */
  #sampled(metric: SampledMetric, kind: keyof Extent & ('min' | 'max' | 'mean')): Omit<PlotSeries, 'label'> {
    const values = this.#buckets.map(({ sampled }) => sampled[metric][kind]);
    return { ...LINE, values, bridged: this.#isFine() };
  }

  #intendedRate(): readonly PlotMark[] {
    const { ratePerSecond } = this.#lastSession();
    return ratePerSecond === null ? [] : [{ axis: 'y', at: ratePerSecond, label: 'intended rate' }];
  }

  #lastSession(): ReportFacts['summary']['sessions'][number] {
    const session = this.#facts.summary.sessions.at(-1);
    if (session === undefined) throw new Error('a run has at least one session');
    return session;
  }
}

function percentiles({ latency }: ReportFacts): PlotData {
  const [response, service] = [latency.of('response'), latency.of('service')];
  const x = percentilePlaces(response.count);
  const series: PlotSeries[] = [
    { ...LINE, label: 'response time', color: 'b', values: percentileCurve(response, x) },
    { ...LINE, label: 'service time', values: percentileCurve(service, x) },
  ];
  return { id: 'plot-percentiles', axis: 'tail', unit: 'ms', logarithmic: true, yMax: null, x, series, marks: [] };
}
