import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** This many devices in a row from the start without one accepted CONNECT are no accident of single devices. */
const NEVER_CONNECTED_MAX = 20;

/** Tells when no device of the run ever got through to the service: going on would only hammer it. */
export class ConnectionWatch {
  #connected = false;
  #ended = 0;
  #lastFailure: { readonly code: string | null; readonly message: string | null } | null = null;

  /** @returns why the run should stop, or `null`. */
  add(outcome: RegistrationOutcome): { readonly code: string | null; readonly message: string | null } | null {
    if (this.#connected || outcome.attempts === 0 || outcome.result === 'cancelled') return null;
    if (outcome.phases.connackMs !== null || outcome.registersSent > 0) {
      this.#connected = true;
      return null;
    }
    this.#ended += 1;
    this.#lastFailure = { code: outcome.errorCode, message: outcome.errorMessage };
    return this.#ended >= NEVER_CONNECTED_MAX ? this.#lastFailure : null;
  }
}
