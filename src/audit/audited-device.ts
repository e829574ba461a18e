import type { RegistrationOutcome } from '../registration/registration-outcome.ts';
import type { FinalOutcome } from '../results/final-outcomes.ts';

/** A row of the fleet with its registrations. */
export type AuditedDevice = {
  readonly row: number;
  /** Empty = unknown, because the fleet file is missing. */
  readonly registrationId: string;
  readonly group: string | null;
  /** By round; at least one. */
  readonly outcomes: readonly PlacedOutcome[];
  readonly last: PlacedOutcome;
};

/** An outcome with the wall clock at 0 of its clock. */
export type PlacedOutcome = Pick<FinalOutcome, 'outcome' | 'clockEpochMs'>;

/** Brings the rounds of each row together. @param outcomes in the order of the fleet, then of rounds */
export async function* devicesOf(outcomes: AsyncIterable<PlacedOutcome>): AsyncGenerator<AuditedDevice> {
  let rounds: PlacedOutcome[] = [];
  for await (const placed of outcomes) {
    if (rounds[0] !== undefined && rounds[0].outcome.row !== placed.outcome.row) {
      yield deviceOf(rounds);
      rounds = [];
    }
    rounds.push(placed);
  }
  if (rounds.length > 0) yield deviceOf(rounds);
}

/** @param outcomes of one row, by round; at least one */
export function deviceOf(outcomes: readonly PlacedOutcome[]): AuditedDevice {
  // A later round that never started says nothing.
  const launched = outcomes.filter(({ outcome }) => outcome.result !== 'not-started');
  const last = launched.at(-1) ?? outcomes.at(-1);
  if (last === undefined) throw new Error('a device has at least one round');
  const { row, registrationId, group } = last.outcome;
  return { row, registrationId, group, outcomes, last };
}

export function wasSent({ last }: Pick<AuditedDevice, 'last'>): boolean {
  return last.outcome.result !== 'not-started';
}

/** By our wall clock; 0 of a device without an outcome. */
export function endedAtMs({ last: { outcome, clockEpochMs } }: Pick<AuditedDevice, 'last'>): number {
  return clockEpochMs + (outcome.finishedAtMs ?? 0);
}

/** Whether the service may have registered the device, though the run does not know it. */
export function isOpen({ result, registersSent, possiblyTwice }: RegistrationOutcome): boolean {
  if (result === 'assigned') return false;
  return result === 'unknown' || possiblyTwice || (UNFINISHED.has(result) && registersSent > 0);
}

const UNFINISHED: ReadonlySet<string> = new Set(['timed-out', 'disconnected', 'cancelled', 'throttled']);
