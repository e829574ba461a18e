import { type CsvCell, fleetColumn } from '../files/csv-line.ts';
import { isExpectedHub } from '../metrics/hub-distribution.ts';
import { outcomeTimes } from '../metrics/outcome-times.ts';
import type { RegistrationOutcome } from '../registration/registration-outcome.ts';

/** @param clockEpochMs wall-clock time at 0 of the session's clock */
type Column = (outcome: RegistrationOutcome, clockEpochMs: number) => CsvCell;

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
  started_at: ({ startedAtMs }, clockEpochMs) => wallClock(startedAtMs, clockEpochMs),
  finished_at: ({ finishedAtMs }, clockEpochMs) => wallClock(finishedAtMs, clockEpochMs),
  response_ms: (outcome) => outcomeTimes(outcome)?.responseMs ?? null,
  held_ms: (outcome) => outcomeTimes(outcome)?.heldMs ?? null,
  service_ms: (outcome) => outcomeTimes(outcome)?.serviceMs ?? null,
  waited_ms: (outcome) => outcomeTimes(outcome)?.waitedMs ?? null,
  returned_payload: ({ returnedPayload }) => returnedPayload,
};

/** The same, of a run with agents. */
const COLUMNS_WITH_AGENTS: typeof COLUMNS = { ...COLUMNS, agent: ({ agent }) => agent };

const [RENDER, RENDER_WITH_AGENTS] = [Object.values(COLUMNS), Object.values(COLUMNS_WITH_AGENTS)];

/** A fleet column with the name of one of these becomes `fleet_{name}`. */
export function registrationsCsvNames(otherColumns: readonly string[], withAgents: boolean): readonly string[] {
  const own = Object.keys(withAgents ? COLUMNS_WITH_AGENTS : COLUMNS);
  const others = otherColumns.map((name) => fleetColumn(name, own));
  return [...own, ...others];
}

/** @param clockEpochMs wall-clock time at 0 of the session's clock, in milliseconds since 1970 UTC */
export function registrationsCsvCells(
  outcome: RegistrationOutcome,
  clockEpochMs: number,
  withAgents: boolean,
): readonly CsvCell[] {
  const render = withAgents ? RENDER_WITH_AGENTS : RENDER;
  return [...render.map((cell) => cell(outcome, clockEpochMs)), ...outcome.otherValues];
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
