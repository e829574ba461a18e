import { percentileCurve, percentilePlaces } from '../../metrics/duration-histogram.ts';
import type { Extent } from '../../metrics/extent.ts';
import { BINS_PER_DECADE, binFromMs, type LogHistogram } from '../../metrics/log-histogram.ts';
import type { SampledMetric, TimeBucket } from '../../metrics/run-timeline.ts';
import { formatAgentName } from '../agents-text.ts';
import { isOpenModel } from '../summary.ts';
import type { PlotData, PlotMark, PlotSeries } from './plot-data.ts';
import { type ReportFacts, recoveryTimes } from './report-facts.ts';

export const ALLOWED_RATE = 'allowed rate';

/** Rows of the heat map: ten to a decade, each 26% higher than the one below. */
const CELL_BINS = BINS_PER_DECADE / 10;

/** All plots of the report. Those over time share the ends of their periods. */
export function runPlots(facts: ReportFacts) {
  const time = new TimePlots(facts);
  return {
    rates: time.rates(),
    inFlight: time.inFlight(),
    throttles: time.throttles(),
    response: time.response(),
    service: time.service(),
    spread: time.spread(),
    percentiles: percentiles(facts),
    recovery: time.recovery(),
    lateness: time.lateness(),
    cpu: time.cpu(),
    agents: time.agents(),
  };
}

export type RunPlots = ReturnType<typeof runPlots>;

export function hasValues({ series }: PlotData): boolean {
  return series.some(({ values }) => values.some((value) => value !== null));
}

const LINE = { color: 'a', shape: 'line', filledTo: null } as const;
/** As many agents as can be told apart. */
const AGENT_COLORS = ['a', 'b', 'c'] as const;
const STEPS = { ...LINE, shape: 'steps' } as const;

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
    const intended: PlotSeries = {
      ...STEPS,
      label: 'intended',
      color: 'c',
      shape: 'dashed',
      values: this.#perSecond((bucket) => bucket.intended),
    };
    const series: PlotSeries[] = [
      { ...STEPS, label: 'launches', values: this.#perSecond(({ launched }) => launched) },
      { ...STEPS, label: 'completions', color: 'b', values: this.#perSecond(({ ended }) => ended) },
    ];
    return this.#plot('plot-rates', 'perSecond', isOpenModel(this.#facts.summary) ? [...series, intended] : series);
  }

  inFlight(): PlotData {
    const { concurrency } = this.#lastSession();
    const marks: PlotMark[] = [{ axis: 'y', at: concurrency, label: `concurrency ${concurrency}` }];
    const extremes = this.#facts.timeline.inFlight();
    const series: PlotSeries[] = [
      { ...STEPS, label: 'most', values: extremes.map(({ most }) => most) },
      { ...STEPS, label: 'fewest', shape: 'dashed', values: extremes.map(({ least }) => least) },
    ];
    return this.#plot('plot-in-flight', 'count', series, marks);
  }

  throttles(): PlotData {
    const bounded = this.#buckets.some(({ sampled }) => sampled.rateAllowedPerSecond.count > 0);
    const throttled = this.#buckets.some(({ sampled }) => sampled.throttlesPerSecond.sum > 0);
    const values = this.#sampled('throttlesPerSecond', 'mean');
    const throttles: PlotSeries = { ...LINE, label: 'throttles', shape: 'bars', color: 'b', values };
    const allowed: PlotSeries = { ...STEPS, label: ALLOWED_RATE, values: this.#sampled('rateAllowedPerSecond', 'min') };
    const series = [...(throttled ? [throttles] : []), ...(bounded ? [allowed] : [])];
    return this.#plot('plot-throttles', 'perSecond', series, bounded ? this.#intendedRate() : []);
  }

  response(): PlotData {
    return this.#percentiles('plot-response', ({ response }) => response);
  }

  service(): PlotData {
    return this.#percentiles('plot-service', ({ service }) => service);
  }

  /** Service times as a heat map. */
  spread(): PlotData {
    const rows = this.#buckets.map(({ service }) => service?.inBinsOf(CELL_BINS) ?? []);
    const used = rows.flatMap((row) => row.flatMap((count, bin) => (count === 0 ? [] : [bin])));
    const [first, last] = used.reduce(([low, high], bin) => [Math.min(low, bin), Math.max(high, bin)], [
      Number.POSITIVE_INFINITY,
      0,
    ] as [number, number]);
    const bins = used.length === 0 ? [] : Array.from({ length: last - first + 1 }, (_, row) => first + row);
    const cells = {
      bounds: [...bins, last + 1].map((bin) => Number(binFromMs(bin * CELL_BINS).toPrecision(6))),
      counts: rows.map((row) => bins.map((bin) => row[bin] ?? 0)),
      noun: 'registrations',
    };
    const median = this.#buckets.map(({ service }) => service?.percentileMs(50) ?? null);
    const series: PlotSeries = { ...LINE, label: 'p50', color: 'median', values: median };
    return { ...this.#plot('plot-spread', 'ms', [series]), logarithmic: true, cells };
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
    return { ...this.#plot('plot-recovery', 'share', [series], marks), axis: 'moment', yMax: 1 };
  }

  lateness(): PlotData {
    const loopDelay: PlotSeries = { ...STEPS, label: 'event-loop delay', values: this.#sampled('loopDelayMs', 'max') };
    const startLag: PlotSeries = {
      ...STEPS,
      label: 'start lag',
      color: 'b',
      values: this.#sampled('startLagMs', 'max'),
    };
    const lagged = this.#buckets.some(({ sampled }) => sampled.startLagMs.count > 0);
    return this.#plot('plot-lateness', 'ms', lagged ? [loopDelay, startLag] : [loopDelay]);
  }

  cpu(): PlotData {
    const own: PlotSeries = { ...STEPS, label: 'dpsload', values: this.#sampled('cpuShare', 'max') };
    const theirs = this.#sampled('emulatorCpuShare', 'max');
    const emulator: PlotSeries = { ...STEPS, label: 'emulator', color: 'b', values: theirs };
    const emulated = this.#buckets.some(({ sampled }) => sampled.emulatorCpuShare.count > 0);
    const marks: PlotMark[] = [{ axis: 'y', at: this.#lastSession().workers, label: 'all workers busy' }];
    return this.#plot('plot-cpu', 'cores', emulated ? [own, emulator] : [own], marks);
  }

  /** Each of a few agents; of many, those that launched most and least in each period. */
  agents(): PlotData {
    const names = (this.#facts.summary.agents?.agents ?? []).map(({ name }) => name);
    const launches = this.#buckets.map(({ launchedBy }) => names.map((name) => launchedBy?.get(name) ?? 0));
    const series = (label: string, place: number, of: (launches: readonly number[]) => number): PlotSeries => ({
      ...STEPS,
      label,
      color: AGENT_COLORS[place] ?? 'a',
      values: this.#perSecond((_, bucket) => of(launches[bucket] ?? [])),
    });
    const each = names.map((name, place) => series(formatAgentName(name), place, (counts) => counts[place] ?? 0));
    const bounds = [
      series('the agent with most', 0, (counts) => Math.max(...counts)),
      series('mean of all agents', 1, (counts) => counts.reduce((sum, count) => sum + count, 0) / counts.length),
      series('the agent with fewest', 2, (counts) => Math.min(...counts)),
    ];
    return this.#plot('plot-agents', 'perSecond', names.length <= AGENT_COLORS.length ? each : bounds);
  }

  #plot(id: string, unit: PlotData['unit'], series: readonly PlotSeries[], marks: readonly PlotMark[] = []): PlotData {
    return { id, axis: 'period', unit, logarithmic: false, yMax: null, x: this.#x, series, marks, cells: null };
  }

  #percentiles(id: string, of: (bucket: TimeBucket) => LogHistogram | null): PlotData {
    const at = (percentile: number) => ({
      ...LINE,
      values: this.#buckets.map((bucket) => of(bucket)?.percentileMs(percentile) ?? null),
    });
    const series: PlotSeries[] = [
      { ...at(100), label: 'max', color: 'highest', filledTo: 1 },
      { ...at(99), label: 'p99', color: 'higher', filledTo: 2 },
      { ...at(90), label: 'p90', color: 'high', filledTo: 3 },
      { ...at(50), label: 'p50', color: 'median' },
    ];
    return { ...this.#plot(id, 'ms', series), logarithmic: true };
  }

  #perSecond(countOf: (bucket: TimeBucket, index: number) => number): readonly number[] {
    const { timeline } = this.#facts;
    return this.#buckets.map((bucket, index) => {
      const lengthMs = timeline.endMs(index) - index * timeline.bucketMs;
      return (countOf(bucket, index) * 1000) / lengthMs;
    });
  }

  #sampled(metric: SampledMetric, kind: keyof Extent & ('min' | 'max' | 'mean')): PlotSeries['values'] {
    return this.#buckets.map(({ sampled }) => sampled[metric][kind]);
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
  return {
    id: 'plot-percentiles',
    axis: 'tail',
    unit: 'ms',
    logarithmic: true,
    yMax: null,
    x,
    series,
    marks: [],
    cells: null,
  };
}
