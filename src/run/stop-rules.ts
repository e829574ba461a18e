import type { EndReason } from '../journal/journal-record.ts';
import { ThresholdWatch } from '../metrics/threshold/judge-threshold.ts';
import type { Threshold } from '../metrics/threshold/threshold.ts';
import { type RegistrationOutcome, wasKnownBefore } from '../registration/registration-outcome.ts';
import { describeThreshold } from '../report/threshold-text.ts';
import type { Scenario } from '../scenario/scenario.ts';

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

type Expectation = Scenario['expectation'];

/** What an assigned device is marked with that is not what `--expect` says. */
const MARKS: Readonly<Record<Exclude<Expectation['devices'], 'any'>, readonly [code: string, message: string]>> = {
  new: ['known-before', 'The service knew this device before the run'],
  existing: ['not-known-before', 'The service did not know this device before the run'],
};

/** The outcome, with a mark as its error code where the device is not what was expected. Later rounds expect nothing. */
export function markSurprise(
  outcome: RegistrationOutcome,
  { devices }: Expectation,
  runStartedAtEpochMs: number,
): RegistrationOutcome {
  if (devices === 'any' || outcome.result !== 'assigned' || outcome.round > 1) return outcome;
  if (wasKnownBefore(outcome, runStartedAtEpochMs) === (devices === 'existing')) return outcome;
  const [errorCode, errorMessage] = MARKS[devices];
  return { ...outcome, errorCode, errorMessage };
}

/** Stops a run in which more devices than allowed bear a mark of `markSurprise`. */
export function surpriseRule({ devices, surprisesMax }: Expectation): StopRule {
  let surprises = 0;
  return {
    add({ errorCode, registrationId, result }) {
      if (devices === 'any' || result !== 'assigned' || errorCode !== MARKS[devices][0]) return null;
      surprises += 1;
      if (surprises <= surprisesMax) return null;
      const were =
        devices === 'new' ? 'known to the service before this run' : 'not known to the service before this run';
      return { reason: 'surprises', message: `${surprises} devices were ${were}, the last of them ${registrationId}` };
    },
  };
}

/** Percentiles are not asked for at every outcome: a second is soon enough to stop. */
const CHECK_INTERVAL_MS = 1_000;

/** The run should not go on when a threshold with `abort` is broken. */
export function thresholdRule(thresholds: readonly Threshold[]): StopRule {
  const watch = new ThresholdWatch(thresholds);
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  return {
    add(outcome) {
      watch.add(outcome);
      const { finishedAtMs } = outcome;
      if (finishedAtMs === null || finishedAtMs < checkedAtMs + CHECK_INTERVAL_MS) return null;
      checkedAtMs = finishedAtMs;
      const broken = watch.broken();
      return broken === null ? null : { reason: 'threshold', message: describeThreshold(broken) };
    },
  };
}
