import type { SampleRecord, TargetName } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram, type DurationSummary } from './duration-histogram.ts';
import { HubDistribution, type HubShare } from './hub-distribution.ts';
import { type ErrorGroup, FAILED_RESULTS, OutcomeCounts } from './outcome-counts.ts';
import { outcomeTimes } from './outcome-times.ts';

/** Samples, one a second, over which completions are averaged for the ETA: longer than a retry-after, so that it is steady. */
const ETA_SAMPLES = 60;

/** A run at one moment, as the live view shows it. */
export type Progress = {
  readonly target: TargetName;
  readonly name: string | null;
  /** Registrations that the run is to settle. */
  readonly total: number;
  /** Those that have ended; what a stopping run hands back as not started has not. */
  readonly settled: number;
  readonly assigned: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** From the completions of the last minute; `null` while there are none. */
  readonly etaMs: number | null;
  readonly inFlight: number;
  /** In the last second. */
  readonly launched: number;
  readonly settledLately: number;
  /** Launches a second that are intended; `null` in the closed model. */
  readonly ratePerSecond: number | null;
  readonly throttles: number;
  /** Register requests beyond the first of each registration that has ended. */
  readonly repeatedRegisters: number;
  /** Of assigned registrations; `null` while there are none. */
  readonly accepted: DurationSummary | null;
  readonly service: DurationSummary | null;
  readonly hubs: readonly HubShare[];
  readonly errors: readonly ErrorGroup[];
  /** `null` in the first second. */
  readonly lastSample: SampleRecord | null;
};

export type ProgressPlan = Pick<Progress, 'target' | 'name' | 'total' | 'ratePerSecond'>;

/** Folds a run while it goes on: cheap for each outcome, and of the same size however long it takes. */
export class ProgressFold {
  readonly #plan: ProgressPlan;
  readonly #counts = new OutcomeCounts();
  readonly #hubs = new HubDistribution();
  readonly #accepted = new DurationHistogram();
  readonly #service = new DurationHistogram();
  readonly #recent: SampleRecord[] = [];
  #settled = 0;
  #throttles = 0;
  #repeatedRegisters = 0;

  constructor(plan: ProgressPlan) {
    this.#plan = plan;
  }

  add(outcome: RegistrationOutcome): void {
    if (outcome.result !== 'not-started') this.#settled += 1;
    this.#counts.add(outcome);
    this.#hubs.add(outcome);
    this.#repeatedRegisters += Math.max(0, outcome.registersSent - 1);
    if (outcome.result !== 'assigned') return;
    if (outcome.phases.acceptedMs !== null) this.#accepted.recordMs(outcome.phases.acceptedMs);
    const times = outcomeTimes(outcome);
    if (times !== null) this.#service.recordMs(times.serviceMs);
  }

  addSample(sample: SampleRecord): void {
    this.#throttles += sample.throttles;
    this.#recent.push(sample);
    if (this.#recent.length > ETA_SAMPLES) this.#recent.shift();
  }

  /** @param nowMs of the session's clock, whose 0 is the start of the run */
  at(nowMs: number): Progress {
    const lastSample = this.#recent.at(-1) ?? null;
    return {
      ...this.#plan,
      settled: this.#settled,
      assigned: this.#counts.of('assigned'),
      failed: this.#counts.of(...FAILED_RESULTS),
      elapsedMs: nowMs,
      etaMs: this.#etaMs(),
      inFlight: lastSample?.inFlight ?? 0,
      launched: lastSample?.launched ?? 0,
      settledLately: lastSample?.settled ?? 0,
      throttles: this.#throttles,
      repeatedRegisters: this.#repeatedRegisters,
      accepted: this.#accepted.summary(),
      service: this.#service.summary(),
      hubs: this.#hubs.shares(),
      errors: this.#counts.errors(),
      lastSample,
    };
  }

  #etaMs(): number | null {
    const settledLately = this.#recent.reduce((sum, { settled }) => sum + settled, 0);
    if (settledLately === 0) return null;
    const remaining = Math.max(0, this.#plan.total - this.#settled);
    // One sample a second.
    return (remaining / settledLately) * this.#recent.length * 1000;
  }
}
