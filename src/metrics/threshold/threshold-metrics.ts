import { ALLOCATION_VERDICTS } from '../../allocation/allocation-verdict.ts';
import type { AllocationJudgement } from '../../allocation/judge-allocation.ts';
import type { Movement } from '../../allocation/movement.ts';
import { REGISTRATION_RESULTS, type RegistrationResult } from '../../registration/registration-outcome.ts';
import type { HubDistribution } from '../hub-distribution.ts';
import { LATENCY_METRICS, type LatencyHistograms, type LatencyMetric } from '../latency-histograms.ts';
import type { HealthSummary } from '../load-generator-health.ts';
import { FAILED_RESULTS, LAUNCHED_RESULTS, type OutcomeCounts } from '../outcome-counts.ts';
import type { RecoveryCurve } from '../recovery-curve.ts';
import type { RunTotals, RunTotalsValues } from '../run-totals.ts';
import type { Quantity } from './threshold.ts';

/** What thresholds are judged by: the folds of a run, at its end or while it goes on. */
export type RunMeasures = {
  /** `null` = not known before the end. */
  readonly plannedRegistrations: number | null;
  readonly rejectedRows: number;
  readonly counts: OutcomeCounts;
  readonly possiblyTwice: number;
  readonly latency: LatencyHistograms;
  /** `null` = not known before the end. */
  readonly recovery: RecoveryCurve | null;
  readonly hubs: HubDistribution;
  readonly totals: RunTotals;
  /** `null` = nothing is expected of the allocation policy, or not known before the end. */
  readonly allocation: AllocationJudgement | null;
  /** `null` = known of no device that had a hub before, or not known before the end. */
  readonly movement: Movement | null;
  /** `null` = not known before the end. */
  readonly health: HealthSummary | null;
};

/** What stands between the parentheses of a metric. */
export type MetricArgument = {
  readonly noun: string;
  /** All that there are, or examples of what is free. */
  readonly words: readonly string[];
  readonly accepts: (text: string) => boolean;
};

/** Something that a threshold can bound. */
export type ThresholdMetric = {
  readonly name: string;
  readonly argument: MetricArgument | null;
  readonly quantity: Quantity;
  /** For people, without a full stop. */
  readonly meaning: string;
  /** A load generator that is too slow makes it worse: it says nothing of the service then. */
  readonly ofTime: boolean;
  /**
   * When it can be judged before the end. `grows`: at any moment, since it never falls again; `settles`: once there are
   * enough registrations; `null`: only at the end.
   */
  readonly live: 'grows' | 'settles' | null;
  /** `null` = nothing was measured. */
  readonly observe: (measures: RunMeasures, argument: string) => number | null;
};

const LATENCY_WORDS = new Map<string, LatencyMetric>(LATENCY_METRICS.map((name) => [snakeCase(name), name]));

/** `failed` are all that ended by a fault, as everywhere in a summary; the one result of that name has a longer word. */
const RESULT_WORDS = new Map<string, readonly RegistrationResult[]>([
  ['failed', FAILED_RESULTS],
  ...REGISTRATION_RESULTS.filter((result) => result !== 'failed').map((result) => [result, [result]] as const),
  ['failed-by-service', ['failed']],
]);

const LATENCY = oneOf('time', [...LATENCY_WORDS.keys()]);
const RESULT = oneOf('result', [...RESULT_WORDS.keys()]);
const LAUNCHED_RESULT = oneOf(
  'result',
  [...RESULT_WORDS.keys()].filter((word) => word !== 'not-started'),
);
const HUB: MetricArgument = { noun: 'hub', words: ['"hub-a.azure-devices.net"', '"hub-a…"'], accepts: isNotEmpty };
const CODE: MetricArgument = { noun: 'error code', words: ['401000', 'connack-3'], accepts: isNotEmpty };
const SHARE: MetricArgument = {
  noun: 'share',
  words: ['50%', '99.9%', '100%'],
  accepts: (text) =>
    /^\d{1,3}(\.\d{1,3})?%$/.test(text) && Number.parseFloat(text) > 0 && Number.parseFloat(text) <= 100,
};

/** A percentile has its number in its name: `p50` to `p100`, `p99.9`. */
const PERCENTILE_NAME = /^p(\d{1,2}(?:\.\d{1,3})?|100)$/;

/** Every metric, in the order of help; `p95` stands for all percentiles. */
export const THRESHOLD_METRICS: readonly ThresholdMetric[] = [
  percentileMetric('p95', 95),
  latencyMetric('min', 'shortest time', (latency) => latency?.minMs ?? null, null),
  latencyMetric('mean', 'mean time', (latency) => latency?.meanMs ?? null, 'settles'),
  latencyMetric('max', 'longest time', (latency) => latency?.maxMs ?? null, 'grows'),
  {
    ...numberMetric('count', 'registrations that ended so; failed = by any fault', ({ counts }, word) =>
      counts.of(...(RESULT_WORDS.get(word) ?? [])),
    ),
    argument: RESULT,
  },
  {
    ...numberMetric('rate', 'their share of those that were launched', ({ counts }, word) =>
      ratio(counts.of(...(RESULT_WORDS.get(word) ?? [])), counts.of(...LAUNCHED_RESULTS)),
    ),
    argument: LAUNCHED_RESULT,
    quantity: 'share',
    live: 'settles',
  },
  {
    ...numberMetric('errors', 'registrations that failed with this code', ({ counts }, code) =>
      counts.errors().reduce((sum, group) => sum + (group.code === code ? group.count : 0), 0),
    ),
    argument: CODE,
  },
  numberMetric('possibly_twice', 'registrations the service may have seen twice', ({ possiblyTwice }) => possiblyTwice),
  {
    ...numberMetric(
      'time_to',
      'first start of the run until this share was assigned',
      ({ recovery, plannedRegistrations }, share) =>
        recovery === null || plannedRegistrations === null
          ? null
          : recovery.timeToMs(Number.parseFloat(share) / 100, plannedRegistrations),
    ),
    argument: SHARE,
    quantity: 'duration',
    ofTime: true,
    live: null,
  },
  total('throttles', 'answers with 429', 'throttles'),
  total('server_errors', 'answers with 5xx, or that could not be read', 'serverErrors'),
  total('stale_answers', 'answers that matched no request', 'staleAnswers'),
  total('retry_afters_clamped', 'answers with a retry-after over the limit', 'retryAftersClamped'),
  total('registers_sent', 'register requests, which are billed', 'registersSent'),
  total('polls', 'polls of an operation', 'polls'),
  total('connections', 'connections opened', 'connections'),
  perDevice('registers_per_device', 'register requests for each registration', 'registersSent'),
  perDevice('polls_per_device', 'polls for each registration', 'polls'),
  perDevice('connections_per_device', 'connections for each registration', 'connections'),
  {
    ...numberMetric('hub_share', 'part of the assigned ones; … or * ends a beginning', ({ hubs }, hub) =>
      ratio(countAtHub(hubs, hub), countAtHub(hubs, '*')),
    ),
    argument: HUB,
    quantity: 'share',
    live: null,
  },
  {
    ...numberMetric('hub_count', 'registrations assigned to a hub', ({ hubs }, hub) => countAtHub(hubs, hub)),
    argument: HUB,
  },
  numberMetric('hubs', 'hubs that got any registration', ({ hubs }) => hubs.shares().length),
  {
    ...numberMetric('allocation', 'verdict on the allocation policy, by what the scenario expects of it', (measures) =>
      measures.allocation === null ? null : ALLOCATION_VERDICTS.indexOf(measures.allocation.verdict),
    ),
    quantity: 'verdict',
    live: null,
  },
  {
    ...numberMetric('moved', 'part of the devices that had a hub before, and have another now', ({ movement }) =>
      movement === null ? null : ratio(movement.changes.moved, movement.changes.kept + movement.changes.moved),
    ),
    quantity: 'share',
    live: null,
  },
  numberMetric('as_expected', 'came to their expected hub', ({ hubs }) =>
    hubs.expecting === 0 ? null : hubs.asExpected,
  ),
  numberMetric('elsewhere', 'came to another hub than expected', ({ hubs }) =>
    hubs.expecting === 0 ? null : hubs.elsewhere,
  ),
  {
    ...numberMetric(
      'registrations_per_second',
      'ended ones, over the active time',
      ({ totals }) => totals.values().endedPerSecond,
    ),
    ofTime: true,
    live: null,
  },
  {
    ...numberMetric(
      'active_time',
      'first start to last end, over all sessions',
      ({ totals }) => totals.values().activeMs,
    ),
    quantity: 'duration',
    ofTime: true,
    live: null,
  },
  {
    ...numberMetric('rejected_rows', 'rows of the fleet that were skipped', ({ rejectedRows }) => rejectedRows),
    live: null,
  },
  health('loop_delay_p99', 'event-loop delay of the workers', 'loopDelayP99Ms', 'duration'),
  health('loop_delay_max', 'the longest one', 'loopDelayMaxMs', 'duration'),
  health('cpu_mean', 'cores that were busy', 'cpuShareMean'),
  health('cpu_max', 'the most of them', 'cpuShareMax'),
  health('emulator_cpu_mean', 'cores that the emulator kept busy', 'emulatorCpuShareMean'),
  health('file_descriptors_max', 'open files', 'fileDescriptorsMax'),
  health('rss_bytes_max', 'memory, in bytes', 'rssBytesMax'),
];

/** The metric of that name; `null` when there is none. */
export function metricNamed(name: string): ThresholdMetric | null {
  const percentile = PERCENTILE_NAME.exec(name)?.[1];
  if (percentile !== undefined) return percentileMetric(name, Number(percentile));
  return THRESHOLD_METRICS.find((metric) => metric.name === name) ?? null;
}

function numberMetric(name: string, meaning: string, observe: ThresholdMetric['observe']): ThresholdMetric {
  return { name, argument: null, quantity: 'number', meaning, ofTime: false, live: 'grows', observe };
}

function percentileMetric(name: string, percentile: number): ThresholdMetric {
  return {
    ...numberMetric(name, 'a percentile, p0 to p100: that many per cent took no longer', ({ latency }, word) => {
      const metric = LATENCY_WORDS.get(word);
      return metric === undefined ? null : latency.of(metric).percentileMs(percentile);
    }),
    argument: LATENCY,
    quantity: 'duration',
    ofTime: true,
    live: 'settles',
  };
}

function latencyMetric(
  name: string,
  meaning: string,
  pick: (summary: ReturnType<ReturnType<RunMeasures['latency']['of']>['summary']>) => number | null,
  live: ThresholdMetric['live'],
): ThresholdMetric {
  return {
    ...numberMetric(name, meaning, ({ latency }, word) => {
      const metric = LATENCY_WORDS.get(word);
      return metric === undefined ? null : pick(latency.of(metric).summary());
    }),
    argument: LATENCY,
    quantity: 'duration',
    ofTime: true,
    live,
  };
}

function total(name: string, meaning: string, member: keyof RunTotalsValues): ThresholdMetric {
  return numberMetric(name, meaning, ({ totals }) => totals.values()[member]);
}

function perDevice(name: string, meaning: string, member: 'registersSent' | 'polls' | 'connections'): ThresholdMetric {
  const observe: ThresholdMetric['observe'] = ({ totals, counts }) =>
    ratio(totals.values()[member], counts.of(...LAUNCHED_RESULTS));
  return { ...numberMetric(name, meaning, observe), live: 'settles' };
}

function health(
  name: string,
  meaning: string,
  member: Exclude<keyof HealthSummary, 'limited' | 'limits'>,
  quantity: Quantity = 'number',
): ThresholdMetric {
  return { ...numberMetric(name, meaning, (measures) => measures.health?.[member] ?? null), quantity, live: null };
}

/** A name without case; one that ends with … or * stands for all that begin so. */
function countAtHub(hubs: RunMeasures['hubs'], pattern: string): number {
  const wanted = pattern.toLowerCase();
  const beginning = /[…*]$/.test(wanted) ? wanted.slice(0, -1) : null;
  return hubs
    .shares()
    .filter(({ hub }) => (beginning === null ? hub.toLowerCase() === wanted : hub.toLowerCase().startsWith(beginning)))
    .reduce((sum, { count }) => sum + count, 0);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function oneOf(noun: string, words: readonly string[]): MetricArgument {
  return { noun, words, accepts: (text) => words.includes(text) };
}

function isNotEmpty(text: string): boolean {
  return text !== '';
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
