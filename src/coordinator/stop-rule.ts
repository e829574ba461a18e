import type { EndReason } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** Why a run should end before all is done. */
export type StopCause = { readonly reason: EndReason; readonly message: string };

/** Looks at every outcome, and says when the run should not go on. */
export type StopRule = {
  add(outcome: RegistrationOutcome): StopCause | null;
  /** Some device got through to the service, and may be under way for long. */
  deviceConnected?(): void;
};

/** This many devices in a row from the start without one accepted CONNECT are no accident of single devices. */
const NEVER_CONNECTED_MAX = 20;

/** Tells when no device of the run ever got through to the service: going on would only hammer it. */
export function neverConnectedRule(): StopRule {
  let connected = false;
  let ended = 0;
  return {
    deviceConnected() {
      connected = true;
    },
    add({ attempts, result, errorCode, errorMessage }) {
      if (connected || attempts === 0 || result === 'cancelled') return null;
      ended += 1;
      if (ended < NEVER_CONNECTED_MAX) return null;
      const message = `no device connected so far; the last failure was: ${errorMessage ?? errorCode}`;
      return { reason: 'unreachable', message };
    },
  };
}

/** The first devices must be assigned, every one of them, before the rest is started. */
export function canaryRule(): StopRule {
  return {
    add({ registrationId, result, errorCode, errorMessage }) {
      if (result === 'assigned' || result === 'not-started' || result === 'cancelled') return null;
      const why = [errorCode, errorMessage].filter((part) => part !== null).join(' ');
      const message = `canary device ${registrationId} ended as ${result}${why === '' ? '' : `: ${why}`}`;
      return { reason: 'canary', message };
    },
  };
}
