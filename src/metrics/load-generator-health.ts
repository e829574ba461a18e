import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { Extent } from './extent.ts';
import { type AffectedPercentile, affectedPercentiles, shareOf, TIME_SHARE_MAX } from './generator-share.ts';
import type { LatencyHistograms } from './latency-histograms.ts';
import { LAUNCH_SHARE_MAX, type LaunchLag, LaunchLateness } from './launch-lateness.ts';
import { LimitedPeriods } from './limited-periods.ts';
import { roundToThousandth } from './round.ts';
import { SlotWaits } from './slot-waits.ts';

/**
 * Beyond these limits the load generator, not the service alone, shaped the result. They limit consequences: a delay that changes no
 * figure does not count.
 */
const LIMITS = Object.freeze({
  /** The largest part of a percentile that its own delays may have caused. */
  timeShare: TIME_SHARE_MAX,
  /** The part of the launch rate that is missing through its own lateness. */
  launchRateShare: LAUNCH_SHARE_MAX,
  /** The part of the time in which a worker had almost no idle time. */
  saturatedShare: 0.1,
});

/** A worker that is busy for a shorter time is dealing with a burst. */
const SATURATED_MIN_MS = 10_000;

export const HEALTH_LIMIT_NAMES = Object.keys(LIMITS) as (keyof typeof LIMITS)[];

export type HealthLimit = {
  readonly name: keyof typeof LIMITS;
  readonly limit: number;
  /** `null` = not measured, hence not exceeded. */
  readonly observed: number | null;
  readonly exceeded: boolean;
};

/** Load generator measurements; `null` = not measured. CPU in busy cores. */
export type HealthSummary = ReturnType<LoadGeneratorHealth['summary']>;

/** What the load asked for, and what came of it. */
export type HealthBasis = {
  /** Every session measured stalls of its event loops. */
  readonly measuresStalls: boolean;
  readonly latency: LatencyHistograms;
  /** Without the delays that the load generator may have caused. */
  readonly withoutStalls: LatencyHistograms;
  /** Launches have a schedule for which they can be late. */
  readonly isOpenModel: boolean;
  /** The schedule has a rate. */
  readonly isPaced: boolean;
  /** `null` where the rate is not steady. */
  readonly ratePerSecond: number | null;
};

/** Folds samples and outcomes into measurements of the load generator, and a judgment of what it did to the figures of the run. */
export class LoadGeneratorHealth {
  readonly #loopDelays = new DurationHistogram();
  readonly #cpuShare = new Extent();
  readonly #emulatorCpuShare = new Extent();
  readonly #fileDescriptors = new Extent();
  readonly #rssBytes = new Extent();
  readonly #launches = new LaunchLateness();
  readonly #slotWaits = new SlotWaits();
  readonly #periods = new LimitedPeriods();
  #saturatedMs = 0;
  #firstStartMs = Number.POSITIVE_INFINITY;
  #lastSampleMs = 0;

  beginSession(): void {
    this.#launches.beginSession();
  }

  /** @param clockOffsetMs by which the sample's clock is behind that of the first session */
  add(sample: SampleRecord, clockOffsetMs: number): void {
    const atMs = clockOffsetMs + sample.atMs;
    if (sample.loopDelayMaxMs.length > 0) this.#loopDelays.recordMs(Math.max(...sample.loopDelayMaxMs));
    this.#cpuShare.add(sample.cpuShare);
    this.#emulatorCpuShare.add(sample.emulatorCpuShare);
    this.#fileDescriptors.add(sample.fileDescriptors);
    this.#rssBytes.add(sample.rssBytes);
    this.#launches.addSuspension(sample.atMs, sample.suspendedMs);
    this.#periods.add(atMs, Math.max(sample.suspendedMs, sample.saturatedMs));
    this.#saturatedMs += sample.saturatedMs;
    this.#lastSampleMs = Math.max(this.#lastSampleMs, atMs);
  }

  addOutcome(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const { stalled, startedAtMs, finishedAtMs } = outcome;
    if (startedAtMs === null || finishedAtMs === null) return;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    this.#launches.add(outcome);
    this.#slotWaits.add(outcome);
    if (stalled === null) return;
    const { heldMs, startLagMs, serviceMs } = stalled;
    this.#periods.add(clockOffsetMs + finishedAtMs, heldMs + startLagMs + serviceMs);
  }

  /** Time by which suspensions of the process delayed all that followed. */
  get suspendedMs(): number {
    return this.#launches.suspendedMs;
  }

  summary(basis: HealthBasis) {
    const startLags = basis.isOpenModel ? basis.latency.of('startLag') : null;
    const affected = affectedPercentiles(basis.latency, basis.withoutStalls);
    const lag = basis.isPaced ? this.#launches.lag : null;
    const limits = this.#judge(affected, lag, basis.measuresStalls);
    const limited = limits.some(({ exceeded }) => exceeded);
    return {
      limited,
      limits,
      affected,
      launchRate: limits.some(({ name, exceeded }) => name === 'launchRateShare' && exceeded) ? lag : null,
      limitedPeriods: limited ? this.#periods.periods(this.#firstStartMs) : [],
      outOfSlots: basis.isOpenModel ? this.#slotWaits.result(basis.latency, basis.ratePerSecond) : null,
      startLagP99Ms: startLags?.percentileMs(99) ?? null,
      startLagMaxMs: startLags?.percentileMs(100) ?? null,
      loopDelayP99Ms: this.#loopDelays.percentileMs(99),
      loopDelayMaxMs: this.#loopDelays.percentileMs(100),
      saturatedMs: roundToThousandth(this.#saturatedMs),
      cpuShareMean: this.#cpuShare.mean === null ? null : roundToThousandth(this.#cpuShare.mean),
      cpuShareMax: this.#cpuShare.max,
      emulatorCpuShareMean:
        this.#emulatorCpuShare.mean === null ? null : roundToThousandth(this.#emulatorCpuShare.mean),
      fileDescriptorsMax: this.#fileDescriptors.max,
      rssBytesMax: this.#rssBytes.max,
    };
  }

  #judge(affected: readonly AffectedPercentile[], lag: LaunchLag | null, isMeasured: boolean): readonly HealthLimit[] {
    const elapsedMs = Math.max(0, this.#lastSampleMs - Math.min(this.#firstStartMs, this.#lastSampleMs));
    const observed: Readonly<Record<HealthLimit['name'], number | null>> = {
      timeShare: Math.max(0, ...affected.map(shareOf)),
      launchRateShare: lag === null ? null : 1 - lag.achievedPerSecond / lag.withoutPerSecond,
      saturatedShare: saturatedShare(this.#saturatedMs, elapsedMs),
    };
    return HEALTH_LIMIT_NAMES.map((name) => {
      const [limit, value] = [LIMITS[name], isMeasured ? observed[name] : null];
      const isLong = name !== 'saturatedShare' || this.#saturatedMs >= SATURATED_MIN_MS;
      const exceeded = value !== null && value > limit && isLong;
      return { name, limit, observed: value === null ? null : roundToThousandth(value), exceeded };
    });
  }
}

function saturatedShare(saturatedMs: number, elapsedMs: number): number | null {
  return elapsedMs === 0 ? null : Math.min(1, saturatedMs / elapsedMs);
}

/** Returns whether workers that had almost no idle time for so long were at their limit. */
export function isSaturated(saturatedMs: number, elapsedMs: number): boolean {
  return saturatedMs >= SATURATED_MIN_MS && (saturatedShare(saturatedMs, elapsedMs) ?? 0) > LIMITS.saturatedShare;
}
