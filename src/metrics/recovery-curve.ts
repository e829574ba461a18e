import type { Histogram } from 'hdr-histogram-js';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { SIGNIFICANT_DIGITS } from './duration-histogram.ts';
import { hdrHistogram } from './hdr-histogram.ts';

/** How soon devices have a hub again: times from the first start of the run to each assignment, within 0.1%. */
export class RecoveryCurve {
  /** Whole milliseconds; resizes with the run, which may take days. */
  readonly #assignedAtMs: Histogram = hdrHistogram(null, SIGNIFICANT_DIGITS);
  #firstStartMs = Number.POSITIVE_INFINITY;

  /** @param clockOffsetMs time by which the outcome's clock is behind that of the first session */
  add({ result, startedAtMs, finishedAtMs }: RegistrationOutcome, clockOffsetMs: number): void {
    if (startedAtMs === null || finishedAtMs === null) return;
    this.#firstStartMs = Math.min(this.#firstStartMs, clockOffsetMs + startedAtMs);
    if (result === 'assigned') this.#assignedAtMs.recordValue(Math.max(0, Math.round(clockOffsetMs + finishedAtMs)));
  }

  /** From the first start until `share` (0 to 1) of `registrations` were assigned; `null` = never. */
  timeToMs(share: number, registrations: number): number | null {
    const assigned = this.#assignedAtMs.totalCount;
    const needed = Math.max(1, Math.ceil(share * registrations));
    if (needed > assigned) return null;
    const atMs = this.#assignedAtMs.getValueAtPercentile((needed / assigned) * 100);
    return Math.max(0, Math.round(Math.min(atMs, this.#assignedAtMs.maxValue) - this.#firstStartMs));
  }
}
