import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { LatencyHistograms } from './latency-histograms.ts';
import { withoutStalls } from './outcome-times.ts';
import { RecoveryCurve } from './recovery-curve.ts';

/** How long registrations took, and how long they can at least have taken without the delays that the load generator may have caused. */
export class MeasuredTimes {
  readonly latency = new LatencyHistograms();
  readonly recovery = new RecoveryCurve();
  /** For bounds only, never for the figures of a run. */
  readonly withoutStalls = { latency: new LatencyHistograms(), recovery: new RecoveryCurve() };
  /** Nearly all: the load generator delayed nothing, so they are counted once for both. */
  readonly #undelayed = new LatencyHistograms();

  /** @param clockOffsetMs time by which the outcome's clock is behind that of the first session */
  add(outcome: RegistrationOutcome, clockOffsetMs: number): void {
    const best = withoutStalls(outcome);
    this.recovery.add(outcome, clockOffsetMs);
    this.withoutStalls.recovery.add(best, clockOffsetMs);
    if (best === outcome) {
      this.#undelayed.add(outcome);
      return;
    }
    this.latency.add(outcome);
    this.withoutStalls.latency.add(best);
  }

  /** Call once, after the last outcome and before anything is read. */
  complete(): void {
    for (const latency of [this.latency, this.withoutStalls.latency]) latency.addAll(this.#undelayed);
  }
}
