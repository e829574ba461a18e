import { wasKnownBefore } from '../registration/known-before.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { StopRule } from './stop-rule.ts';

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
