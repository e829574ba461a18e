import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { SessionEnd } from './session-ending.ts';

/** Who watches a run while it goes on: the live view. */
export interface RunListener {
  settled(outcome: RegistrationOutcome): void;
  sampled(sample: SampleRecord): void;
  /** Something happened that the operator should know of; the run goes on. */
  notice(message: string): void;
  /** The run will end before all is done; what is in flight still finishes. */
  stopping(end: SessionEnd): void;
}

/** One listener for several: each hears all. */
export function runListeners(...listeners: readonly RunListener[]): RunListener {
  return {
    settled(outcome) {
      for (const listener of listeners) listener.settled(outcome);
    },
    sampled(sample) {
      for (const listener of listeners) listener.sampled(sample);
    },
    notice(message) {
      for (const listener of listeners) listener.notice(message);
    },
    stopping(end) {
      for (const listener of listeners) listener.stopping(end);
    },
  };
}
