import { type CsvCell, fleetColumn } from '../files/csv-line.ts';
import type { DeviceStanding, RowState } from '../metrics/fleet-account.ts';
import { remedyFor } from './remedies.ts';

/** A row that was left out as unusable, duplicate or an exact copy. */
export type LeftOutRow = {
  readonly registrationId: string;
  readonly group: string | null;
  readonly reason: string;
  /** An exact copy of a row that was kept. */
  readonly isCopy: boolean;
  /** Values of the fleet's other columns, in their order. */
  readonly otherValues: readonly string[];
};

const COLUMNS = ['registration_id', 'state', 'result', 'group', 'error_code', 'error_message', 'what_to_do'] as const;

const NEXT_STEPS: Readonly<Record<Exclude<RowState, 'assigned'>, string>> = {
  failed: 'Resume the run with --retry-failed, once the cause is removed',
  'left-out': 'Correct the row in the fleet file, then register it in a new run',
  'not-selected': 'Register it in another run whose --limit, --only or --exclude selects it',
  'not-started': 'Resume the run',
  unknown: 'Resume the run: it registers the device again, and marks it as possibly registered twice',
};

/** A fleet column with the name of one of these becomes `fleet_{name}`. */
export function notRegisteredCsvNames(otherColumns: readonly string[]): readonly string[] {
  return [...COLUMNS, ...otherColumns.map((name) => fleetColumn(name, COLUMNS))];
}

/** The cells of a device without a hub; `null` for an assigned one. */
export function notRegisteredCsvCells({ state, outcome }: DeviceStanding): readonly CsvCell[] | null {
  if (state === 'assigned') return null;
  const { registrationId, result, group, errorCode, errorMessage, otherValues } = outcome;
  const remedy = errorCode === null ? null : remedyFor(errorCode);
  const whatToDo = remedy ?? NEXT_STEPS[state];
  return [registrationId, state, result, group, errorCode, errorMessage, whatToDo, ...otherValues];
}

const NEXT_STEP_FOR_COPY = 'Remove it from the fleet file, or give a second device an ID of its own';

/** A copy has no ID here: the row that was kept stands for the device, and `--only` would register it again. */
export function leftOutCsvCells({
  registrationId,
  group,
  reason,
  isCopy,
  otherValues,
}: LeftOutRow): readonly CsvCell[] {
  const [id, nextStep] = isCopy ? [null, NEXT_STEP_FOR_COPY] : [registrationId, NEXT_STEPS['left-out']];
  return [id, 'left-out', null, group, null, reason, nextStep, ...otherValues];
}
