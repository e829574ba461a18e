import type { EndReason } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import { ConnectionWatch } from './connection-watch.ts';

/** Why a run should end before all is done. */
export type StopCause = { readonly reason: EndReason; readonly message: string };

/** Looks at every outcome, and says when the run should not go on. */
export type StopRule = { add(outcome: RegistrationOutcome): StopCause | null };

export function neverConnectedRule(): StopRule {
  const watch = new ConnectionWatch();
  return {
    add(outcome) {
      const failure = watch.add(outcome);
      if (failure === null) return null;
      const message = `no device connected so far; the last failure was: ${failure.message ?? failure.code}`;
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
