import type { SampleRecord } from '../journal/journal-record.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { SessionEnd } from './session-ending.ts';

/** Watches a run in progress: the live view, the metrics. */
export interface RunListener {
  settled(outcome: RegistrationOutcome): void;
  sampled(sample: SampleRecord): void;
  /** Something that the operator should know, in whole sentences; the run continues. */
  notice(message: string): void;
  /** The run ends early; registrations in flight still finish. */
  stopping(end: SessionEnd): void;
}

/** Passes everything on to each listener that wants it. */
export function runListeners(...listeners: readonly Partial<RunListener>[]): RunListener {
  return {
    settled(outcome) {
      for (const listener of listeners) listener.settled?.(outcome);
    },
    sampled(sample) {
      for (const listener of listeners) listener.sampled?.(sample);
    },
    notice(message) {
      for (const listener of listeners) listener.notice?.(message);
    },
    stopping(end) {
      for (const listener of listeners) listener.stopping?.(end);
    },
  };
}
