import type { SampleRecord } from '../journal/journal-record.ts';
import type { AgentsAwaited, RunOutage, RunStage } from '../metrics/progress.ts';
import type { EventCounts } from '../registration/event-counts.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { SessionEnd } from './session-ending.ts';

/** Watches a run in progress: the live view, the metrics. */
export interface RunListener {
  settled(outcome: RegistrationOutcome): void;
  /** What registrations did and met since the last call, also those that have not ended. */
  counted(counts: EventCounts): void;
  sampled(sample: SampleRecord): void;
  /** The session entered a stage. */
  entered(stage: RunStage): void;
  /** The target does not respond; called again whenever that is known better. `null` = it responds again. */
  outage(outage: RunOutage | null): void;
  /** Nothing can be launched until one of these agents joins; called every second of a run with pinned rows. `null` = the run goes on. */
  awaiting(agents: AgentsAwaited | null): void;
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
    counted(counts) {
      for (const listener of listeners) listener.counted?.(counts);
    },
    sampled(sample) {
      for (const listener of listeners) listener.sampled?.(sample);
    },
    entered(stage) {
      for (const listener of listeners) listener.entered?.(stage);
    },
    outage(outage) {
      for (const listener of listeners) listener.outage?.(outage);
    },
    awaiting(agents) {
      for (const listener of listeners) listener.awaiting?.(agents);
    },
    notice(message) {
      for (const listener of listeners) listener.notice?.(message);
    },
    stopping(end) {
      for (const listener of listeners) listener.stopping?.(end);
    },
  };
}
