import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { DurationHistogram } from './duration-histogram.ts';
import { counts } from './generator-share.ts';
import type { LatencyHistograms } from './latency-histograms.ts';

/** If fewer launches had to wait, the service was merely slow for a moment. */
const WAITED_SHARE_MIN = 0.05;

/** Registrations took longer than the slots allow for: the service was slower than the load, not the load generator. */
export type OutOfSlots = {
  /** Launches that had to wait for a slot. */
  readonly waited: number;
  readonly launches: number;
  readonly waitP95Ms: number;
  readonly waitMaxMs: number;
  /** As many as the rate and the time that a registration takes ask for (Little's law); `null` = there is no steady rate. */
  readonly slotsNeeded: number | null;
};

export class SlotWaits {
  readonly #waits = new DurationHistogram();
  #launches = 0;

  add({ startedAtMs, slotWaitMs }: RegistrationOutcome): void {
    if (startedAtMs === null) return;
    this.#launches += 1;
    if (slotWaitMs > 0) this.#waits.recordMs(slotWaitMs);
  }

  /** `null` = the slots sufficed. */
  result(latency: LatencyHistograms, ratePerSecond: number | null): OutOfSlots | null {
    const [waited, launches] = [this.#waits.count, this.#launches];
    const [waitP95Ms, waitMaxMs] = [this.#waits.percentileMs(95), this.#waits.percentileMs(100)];
    const responseP95Ms = latency.of('response').percentileMs(95) ?? 0;
    if (waitP95Ms === null || waitMaxMs === null || waited < launches * WAITED_SHARE_MIN) return null;
    if (!counts(responseP95Ms, responseP95Ms - waitP95Ms)) return null;
    return { waited, launches, waitP95Ms, waitMaxMs, slotsNeeded: slotsNeeded(latency, ratePerSecond) };
  }
}

function slotsNeeded(latency: LatencyHistograms, ratePerSecond: number | null): number | null {
  const [service, waited] = [latency.of('service').summary(), latency.of('waited').summary()];
  if (ratePerSecond === null || service === null) return null;
  return Math.ceil((ratePerSecond * (service.meanMs + (waited?.meanMs ?? 0))) / 1_000);
}
