import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { Clock, Timer } from '../time/clock.ts';

/** A message costs about as much as folding 20 outcomes; 256 make that negligible. */
const BATCH_OUTCOMES_MAX = 256;
/** So that the live view and the journal are never far behind. */
const BATCH_DELAY_MS = 100;

/** Collects outcomes into batches of 256 or 100 ms, whichever comes first. */
export class OutcomeBatcher {
  readonly #clock: Clock;
  readonly #send: (outcomes: readonly RegistrationOutcome[]) => void;
  #batch: RegistrationOutcome[] = [];
  #timer: Timer | null = null;

  constructor(clock: Clock, send: (outcomes: readonly RegistrationOutcome[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  add(outcome: RegistrationOutcome): void {
    this.#batch.push(outcome);
    if (this.#batch.length >= BATCH_OUTCOMES_MAX) this.flush();
    else this.#timer ??= this.#clock.wakeAt(this.#clock.nowMs() + BATCH_DELAY_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#send(batch);
  }
}
