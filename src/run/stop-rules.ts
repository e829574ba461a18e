import type { EndReason } from '../journal/journal-record.ts';
import { ThresholdWatch } from '../metrics/threshold/judge-threshold.ts';
import type { Threshold } from '../metrics/threshold/threshold.ts';
import { type RegistrationOutcome, wasKnownBefore } from '../registration/registration-outcome.ts';
import { formatNoun } from '../report/format.ts';
import { describeThreshold } from '../report/threshold-text.ts';
import type { Scenario } from '../scenario/scenario.ts';

/** Why a run should end early. */
export type StopCause = { readonly reason: EndReason; readonly message: string };

/** Judges every outcome; returns a cause when the run should not continue. */
export type StopRule = {
  add(outcome: RegistrationOutcome): StopCause | null;
  /** A device connected; its outcome may come much later. */
  deviceConnected?(): void;
};

/** If this many devices end before any has connected, the fault does not lie with single devices. */
const NEVER_CONNECTED_MAX = 20;

/** Stops a run in which no device ever connected: continuing would only hammer the service. */
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
      const message = `no device has connected; the last failure was: ${errorMessage ?? errorCode}`;
      return { reason: 'unreachable', message };
    },
  };
}

/** Every canary device must be assigned before the rest starts. */
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

/** Error code and message of an assigned device that is not what `--expect` says. */
const MARKS: Readonly<Record<Exclude<Expectation['devices'], 'any'>, readonly [code: string, message: string]>> = {
  new: ['known-before', 'The service knew this device before the run'],
  existing: ['not-known-before', 'The service did not know this device before the run'],
};

/** Marks the outcome with an error code if the device is not what was expected. Later rounds expect nothing. */
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

/** Stops a run in which `markSurprise` marked more devices than allowed. */
export function surpriseRule({ devices, surprisesMax }: Expectation): StopRule {
  let surprises = 0;
  return {
    add({ errorCode, registrationId, result }) {
      if (devices === 'any' || result !== 'assigned' || errorCode !== MARKS[devices][0]) return null;
      surprises += 1;
      if (surprises <= surprisesMax) return null;
      const not = devices === 'new' ? '' : 'not ';
      const were = `${formatNoun(surprises, 'device')} ${surprises === 1 ? 'was' : 'were'}`;
      const message = `${were} ${not}known to the service before this run, most recently ${registrationId}`;
      return { reason: 'surprises', message };
    },
  };
}

/** Percentiles are too costly to compute at every outcome; stopping within a second is soon enough. */
const CHECK_INTERVAL_MS = 1_000;

/** Stops a run that breaks a threshold with `abort`. */
export function thresholdRule(thresholds: readonly Threshold[], rejectedRows: number): StopRule {
  const watch = new ThresholdWatch(thresholds, rejectedRows);
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
