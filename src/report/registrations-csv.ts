import { type CsvCell, fleetColumn } from '../files/csv-line.ts';
import type { HubCheckResult } from '../hub/hub-check.ts';
import { isExpectedHub } from '../metrics/hub-distribution.ts';
import { outcomeTimes } from '../metrics/outcome-times.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** What a row shows beside its outcome. */
export type RowFacts = {
  /** Wall-clock time at 0 of the session's clock, in milliseconds since 1970 UTC. */
  readonly clockEpochMs: number;
  /** How the device fared at its hub; `null` = it was not checked. */
  readonly hubCheck: HubCheckResult | null;
};

/** Columns that only some runs have. */
export type RowLook = { readonly withAgents: boolean; readonly withHubChecks: boolean };

type Column = (outcome: RegistrationOutcome, facts: RowFacts) => CsvCell;

/** Columns of `registrations.csv`, in order; the fleet's other columns follow. */
const COLUMNS: Readonly<Record<string, Column>> = {
  registration_id: ({ registrationId }) => registrationId,
  round: ({ round }) => round,
  result: ({ result }) => result,
  assigned_hub: ({ assignedHub }) => assignedHub,
  device_id: ({ deviceId }) => deviceId,
  substatus: ({ substatus }) => substatus,
  group: ({ group }) => group,
  expected_hub: ({ expectedHub }) => expectedHub,
  hub_ok: isExpectedHub,
  attempts: ({ attempts }) => attempts,
  registers_sent: ({ registersSent }) => registersSent,
  possibly_twice: ({ possiblyTwice }) => possiblyTwice,
  polls: ({ polls }) => polls,
  throttles: ({ throttles }) => throttles,
  error_code: ({ errorCode }) => errorCode,
  error_message: ({ errorMessage }) => errorMessage,
  tracking_id: ({ trackingId }) => trackingId,
  operation_id: ({ operationId }) => operationId,
  service_created_at: ({ serviceCreatedAt }) => serviceCreatedAt,
  service_updated_at: ({ serviceUpdatedAt }) => serviceUpdatedAt,
  started_at: ({ startedAtMs }, { clockEpochMs }) => wallClock(startedAtMs, clockEpochMs),
  finished_at: ({ finishedAtMs }, { clockEpochMs }) => wallClock(finishedAtMs, clockEpochMs),
  response_ms: (outcome) => outcomeTimes(outcome)?.responseMs ?? null,
  held_ms: (outcome) => outcomeTimes(outcome)?.heldMs ?? null,
  service_ms: (outcome) => outcomeTimes(outcome)?.serviceMs ?? null,
  waited_ms: (outcome) => outcomeTimes(outcome)?.waitedMs ?? null,
  returned_payload: ({ returnedPayload }) => returnedPayload,
};

/** The writer of one file's rows. A fleet column with the name of one of ours becomes `fleet_{name}`. */
export function registrationsCsv({ withAgents, withHubChecks }: RowLook) {
  const columns: typeof COLUMNS = {
    ...COLUMNS,
    ...(withAgents ? { agent: ({ agent }) => agent } : {}),
    ...(withHubChecks ? { hub_check: (_, { hubCheck }) => hubCheck } : {}),
  };
  const [own, render] = [Object.keys(columns), Object.values(columns)];
  return {
    names: (otherColumns: readonly string[]): readonly string[] => [
      ...own,
      ...otherColumns.map((name) => fleetColumn(name, own)),
    ],
    cells: (outcome: RegistrationOutcome, facts: RowFacts): readonly CsvCell[] => [
      ...render.map((cell) => cell(outcome, facts)),
      ...outcome.otherValues,
    ],
  };
}

function wallClock(atMs: number | null, clockEpochMs: number): string | null {
  return atMs === null ? null : new Date(clockEpochMs + atMs).toISOString();
}

export const FAILURES_CSV_NAMES = ['registration_id', 'result', 'error_code', 'error_message', 'tracking_id'] as const;

/**
 * The row of a registration that was or may have been sent and is not assigned; `null` for all others. Registrations that
 * never started have not failed, and a resumed run includes them anyway.
 */
export function failuresCsvCells(outcome: RegistrationOutcome): readonly CsvCell[] | null {
  const { registrationId, result, errorCode, errorMessage, trackingId } = outcome;
  if (result === 'assigned' || result === 'not-started') return null;
  return [registrationId, result, errorCode, errorMessage, trackingId];
}
