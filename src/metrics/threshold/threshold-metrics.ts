import { ALLOCATION_VERDICTS } from '../../allocation/allocation-verdict.ts';
import type { AllocationJudgement } from '../../allocation/judge-allocation.ts';
import type { Movement } from '../../allocation/movement.ts';
import { REGISTRATION_RESULTS, type RegistrationResult } from '../../registration/registration-outcome.ts';
import type { DurationHistogram, DurationSummary } from '../duration-histogram.ts';
import type { HubCheckSummary } from '../hub-check-fold.ts';
import type { HubDistribution } from '../hub-distribution.ts';
import type { LatencyHistograms } from '../latency-histograms.ts';
import { LATENCY_METRICS, type LatencyMetric } from '../latency-metric.ts';
import type { HealthSummary } from '../load-generator-health.ts';
import { FAILED_RESULTS, LAUNCHED_RESULTS, type OutcomeCounts } from '../outcome-counts.ts';
import type { RecoveryCurve } from '../recovery-curve.ts';
import type { RunTotals, RunTotalsValues } from '../run-totals.ts';
import type { Quantity } from './threshold.ts';

/** What thresholds are judged by: the folds of a run, at its end or while it runs. */
export type RunMeasures = {
  /** `null` = not known before the end. */
  readonly plannedRegistrations: number | null;
  readonly rejectedRows: number;
  readonly counts: OutcomeCounts;
  readonly possiblyTwice: number;
  /** Register requests that were possibly sent and not counted: up to one for each release without an outcome. */
  readonly registersUncounted: number;
  readonly latency: LatencyHistograms;
  /** `null` = not known before the end. */
  readonly recovery: Pick<RecoveryCurve, 'timeToMs'> | null;
  readonly hubs: HubDistribution;
  readonly totals: Pick<RunTotals, 'values'>;
  /** The same without the delays that the load generator may have caused. */
  readonly withoutStalls: Pick<RunMeasures, 'latency' | 'recovery' | 'totals'>;
  /** `null` = nothing is expected of the allocation policy, or the run has not ended. */
  readonly allocation: AllocationJudgement | null;
  /** `null` = no device is known to have had a hub before, or the run has not ended. */
  readonly movement: Movement | null;
  /** `null` = no device was checked at its hub, or the run has not ended. */
  readonly hubCheck: Pick<HubCheckSummary, 'passed' | 'failed'> | null;
  /** `null` = not known before the end. */
  readonly health: HealthSummary | null;
};

/** Measurements of the load generator that are plain numbers. */
type MeasuredHealth = {
  [Member in keyof HealthSummary]: HealthSummary[Member] extends number | null ? Member : never;
}[keyof HealthSummary];

/** The argument between the parentheses of a metric. */
export type MetricArgument = {
  readonly noun: string;
  /** All valid words, or examples if any text is valid. */
  readonly words: readonly string[];
  readonly accepts: (text: string) => boolean;
};

/** A quantity that a threshold can bound. */
export type ThresholdMetric = {
  readonly name: string;
  readonly argument: MetricArgument | null;
  readonly quantity: Quantity;
  /** For help, without a full stop. */
  readonly meaning: string;
  /** Delays of the load generator make it worse, so it may then say nothing about the service. */
  readonly ofTime: boolean;
  /**
   * When it can be judged before the end. `grows`: at any time, because it never decreases; `settles`: after enough
   * registrations; `null`: only at the end.
   */
  readonly live: 'grows' | 'settles' | null;
  /** `null` = not measured. */
  readonly observe: (measures: RunMeasures, argument: string) => number | null;
};

const LATENCY_WORDS = new Map<string, LatencyMetric>(LATENCY_METRICS.map((name) => [snakeCase(name), name]));

/** Argument of times for the lateness of the load generator. */
export const START_LAG_WORD = snakeCase('startLag' satisfies LatencyMetric);

/** As everywhere in a summary, `failed` is every fault; the single result of that name has a longer word. */
const RESULT_WORDS = new Map<string, readonly RegistrationResult[]>([
  ['failed', FAILED_RESULTS],
  ...REGISTRATION_RESULTS.filter((result) => result !== 'failed').map((result) => [result, [result]] as const),
  ['failed-by-service', ['failed']],
]);

/** Argument of `count` for rows of the fleet file that are no registrations, since they were left out. */
export const LEFT_OUT_WORD = 'left_out';

const LATENCY = oneOf('time', [...LATENCY_WORDS.keys()]);
const COUNTED = oneOf('result', [...RESULT_WORDS.keys(), LEFT_OUT_WORD]);
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

const OF_LATENCY = { argument: LATENCY, quantity: 'duration', ofTime: true } as const;
const TIME = { quantity: 'duration', ofTime: true, live: null } as const;
const RATE = { argument: LAUNCHED_RESULT, quantity: 'share', live: 'settles' } as const;
const RATE_AT_END = { ofTime: true, live: null } as const;
const SHARE_AT_END = { quantity: 'share', live: null } as const;
const VERDICT = { quantity: 'verdict', live: null } as const;

/** The name of a percentile contains its number: `p0` to `p100`, `p99.9`. */
const PERCENTILE_NAME = /^p(\d{1,2}(?:\.\d{1,3})?|100)$/;

/** Every metric, in the order of help; `p95` stands for all percentiles. */
export const THRESHOLD_METRICS: readonly ThresholdMetric[] = [
  percentileMetric('p95', 95),
  latencyMetric('min', 'shortest time', ({ minMs }) => minMs, null),
  latencyMetric('mean', 'mean time', ({ meanMs }) => meanMs, 'settles'),
  latencyMetric('max', 'longest time', ({ maxMs }) => maxMs, 'grows'),
  metric(
    'count',
    'registrations with this result; failed = any failure, left_out = rows that were skipped',
    { argument: COUNTED },
    countOf,
  ),
  metric('rate', 'share of launched registrations with this result', RATE, (measures, word) =>
    ratio(countOf(measures, word), measures.counts.of(...LAUNCHED_RESULTS)),
  ),
  metric(
    'errors',
    'registrations that failed with this code',
    { argument: CODE },
    ({ counts }, code) => counts.errors().find((group) => group.code === code)?.count ?? 0,
  ),
  metric('possibly_twice', 'registrations the service may have seen twice', {}, ({ possiblyTwice }) => possiblyTwice),
  metric('time_to', 'time from the first start until this share was assigned', { ...TIME, argument: SHARE }, timeTo),
  total('throttles', 'responses with status 429', 'throttles'),
  total('server_errors', 'responses with status 5xx, or unreadable', 'serverErrors'),
  total('stale_answers', 'responses that matched no request', 'staleAnswers'),
  total('retry_afters_clamped', 'responses with a retry-after above the limit', 'retryAftersClamped'),
  metric(
    'registers_sent',
    'register requests, which are billed; after a crash, the most it may have been',
    {},
    registersMax,
  ),
  total('polls', 'polls of an operation', 'polls'),
  total('connections', 'connections opened', 'connections'),
  metric(
    'registers_per_device',
    'register requests per registration; after a crash, the most it may have been',
    { live: 'settles' },
    (measures) => ratio(registersMax(measures), measures.counts.of(...LAUNCHED_RESULTS)),
  ),
  perDevice('polls_per_device', 'polls per registration', 'polls'),
  perDevice('connections_per_device', 'connections per registration', 'connections'),
  metric(
    'hub_share',
    'share of assigned registrations at a hub; end a prefix with … or *',
    { ...SHARE_AT_END, argument: HUB },
    ({ hubs }, hub) => ratio(countAtHub(hubs, hub), countAtHub(hubs, '*')),
  ),
  metric('hub_count', 'registrations assigned to a hub', { argument: HUB }, ({ hubs }, hub) => countAtHub(hubs, hub)),
  metric('hubs', 'hubs with at least one registration', {}, ({ hubs }) => hubs.shares().length),
  metric(
    'allocation',
    'verdict on the allocation policy, against the expectations of the scenario',
    VERDICT,
    ({ allocation }) => (allocation === null ? null : ALLOCATION_VERDICTS.indexOf(allocation.verdict)),
  ),
  metric('moved', 'share of previously assigned devices now at another hub', SHARE_AT_END, ({ movement }) =>
    movement === null ? null : ratio(movement.changes.moved, movement.changes.kept + movement.changes.moved),
  ),
  metric('as_expected', 'registrations assigned to their expected hub', {}, ({ hubs }) =>
    hubs.expecting === 0 ? null : hubs.asExpected,
  ),
  metric('elsewhere', 'registrations assigned to another hub', {}, ({ hubs }) =>
    hubs.expecting === 0 ? null : hubs.elsewhere,
  ),
  metric(
    'hub_check_failed',
    'devices that failed the hub check',
    { live: null },
    ({ hubCheck }) => hubCheck?.failed ?? null,
  ),
  metric('hub_check_failed_share', 'share of the checked devices that failed it', SHARE_AT_END, ({ hubCheck }) =>
    hubCheck === null ? null : ratio(hubCheck.failed, hubCheck.passed + hubCheck.failed),
  ),
  total('registrations_per_second', 'ended registrations, over the active time', 'endedPerSecond', RATE_AT_END),
  total('active_time', 'first start to last end, over all sessions', 'activeMs', TIME),
  metric('rejected_rows', 'rows of the fleet that were skipped', {}, ({ rejectedRows }) => rejectedRows),
  health('loop_delay_p99', 'event-loop delay of the workers', 'loopDelayP99Ms', 'duration'),
  health('loop_delay_max', 'longest event-loop delay', 'loopDelayMaxMs', 'duration'),
  health('cpu_mean', 'busy cores, mean', 'cpuShareMean'),
  health('cpu_max', 'busy cores, maximum', 'cpuShareMax'),
  health('emulator_cpu_mean', 'cores kept busy by the emulator', 'emulatorCpuShareMean'),
  health('file_descriptors_max', 'open files', 'fileDescriptorsMax'),
  health('rss_bytes_max', 'memory, in bytes', 'rssBytesMax'),
];

/** The metric of that name, or `null`. */
export function metricNamed(name: string): ThresholdMetric | null {
  const percentile = PERCENTILE_NAME.exec(name)?.[1];
  if (percentile !== undefined) return percentileMetric(name, Number(percentile));
  return THRESHOLD_METRICS.find((each) => each.name === name) ?? null;
}

type Traits = Partial<Pick<ThresholdMetric, 'argument' | 'quantity' | 'ofTime' | 'live'>>;

/** By default a number that grows and has no argument. */
function metric(name: string, meaning: string, traits: Traits, observe: ThresholdMetric['observe']): ThresholdMetric {
  return { name, argument: null, quantity: 'number', meaning, ofTime: false, live: 'grows', observe, ...traits };
}

function percentileMetric(name: string, percentile: number): ThresholdMetric {
  const meaning = 'a percentile, p0 to p100: this percentage took no longer';
  return metric(name, meaning, { ...OF_LATENCY, live: 'settles' }, ({ latency }, word) => {
    return latencyOf(latency, word)?.percentileMs(percentile) ?? null;
  });
}

function latencyMetric(
  name: string,
  meaning: string,
  pick: (durations: DurationSummary) => number,
  live: ThresholdMetric['live'],
): ThresholdMetric {
  return metric(name, meaning, { ...OF_LATENCY, live }, ({ latency }, word) => {
    const durations = latencyOf(latency, word)?.summary() ?? null;
    return durations === null ? null : pick(durations);
  });
}

function latencyOf(latency: LatencyHistograms, word: string): DurationHistogram | null {
  const name = LATENCY_WORDS.get(word);
  return name === undefined ? null : latency.of(name);
}

function timeTo({ recovery, plannedRegistrations }: RunMeasures, share: string): number | null {
  if (recovery === null || plannedRegistrations === null) return null;
  return recovery.timeToMs(Number.parseFloat(share) / 100, plannedRegistrations);
}

function countOf({ counts, rejectedRows }: RunMeasures, word: string): number {
  return word === LEFT_OUT_WORD ? rejectedRows : counts.of(...(RESULT_WORDS.get(word) ?? []));
}

function registersMax({ totals, registersUncounted }: RunMeasures): number {
  return totals.values().registersSent + registersUncounted;
}

function total(name: string, meaning: string, member: keyof RunTotalsValues, traits: Traits = {}): ThresholdMetric {
  return metric(name, meaning, traits, ({ totals }) => totals.values()[member]);
}

function perDevice(name: string, meaning: string, member: 'polls' | 'connections'): ThresholdMetric {
  return metric(name, meaning, { live: 'settles' }, ({ totals, counts }) =>
    ratio(totals.values()[member], counts.of(...LAUNCHED_RESULTS)),
  );
}

function health(name: string, meaning: string, member: MeasuredHealth, quantity: Quantity = 'number'): ThresholdMetric {
  return metric(name, meaning, { quantity, live: null }, (measures) => measures.health?.[member] ?? null);
}

/** Names are not case-sensitive; one that ends with … or * stands for every hub with that prefix. */
function countAtHub(hubs: HubDistribution, pattern: string): number {
  const wanted = pattern.toLowerCase();
  const prefix = /[…*]$/.test(wanted) ? wanted.slice(0, -1) : null;
  return hubs
    .shares()
    .filter(({ hub }) => (prefix === null ? hub.toLowerCase() === wanted : hub.toLowerCase().startsWith(prefix)))
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
