import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { StopRule } from './stop-rule.ts';

/** Clocks of service and client may differ by this much before a record counts as older than the run. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000;

/**
 * Whether the service knew an assigned device before the run: its record is older, or the substatus says that it was
 * registered again although this run registered it once. `false` also where neither tells.
 *
 * @param runStartedAtEpochMs of the run's first session.
 */
export function wasKnownBefore(outcome: RegistrationOutcome, runStartedAtEpochMs: number): boolean {
  if (outcome.result !== 'assigned') return false;
  const createdAtMs = outcome.serviceCreatedAt === null ? Number.NaN : Date.parse(outcome.serviceCreatedAt);
  if (createdAtMs < runStartedAtEpochMs - CLOCK_DIFFERENCE_MS) return true;
  const isAgain = outcome.substatus !== null && outcome.substatus !== 'initialAssignment';
  return isAgain && outcome.round === 1 && !outcome.possiblyTwice;
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
