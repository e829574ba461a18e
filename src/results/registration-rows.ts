import { join } from 'node:path';
import type { AllocationExpectation, HubWeight } from '../allocation/allocation-expectation.ts';
import { tally } from '../allocation/tally.ts';
import { csvRows } from '../files/csv-rows.ts';
import { OperatorError, problemIn } from '../problem/operator-error.ts';

/** Reads a run's registrations.csv row by row. @throws OperatorError `usage` when it cannot be read */
export function registrationRows(folder: string): ReturnType<typeof csvRows> {
  return csvRows(join(folder, 'registrations.csv'));
}

/**
 * Gives an expectation with `asRun` the hub counts of that run as weights, and returns any other unchanged.
 *
 * @throws OperatorError `usage` when that run cannot be read, or has no initial assignment
 */
export async function withReferenceRun(
  expectation: AllocationExpectation | null,
): Promise<AllocationExpectation | null> {
  if (expectation === null || expectation.asRun === null) return expectation;
  return { ...expectation, cohorts: [{ name: '', hubs: await initialHubs(expectation.asRun) }] };
}

async function initialHubs(folder: string): Promise<readonly HubWeight[]> {
  const counts = new Map<string, number>();
  for await (const row of registrationRows(folder)) {
    const hub = (row['assigned_hub'] ?? '').toLowerCase();
    if (row['substatus'] !== 'initialAssignment' || hub === '') continue;
    tally(counts, hub);
  }
  if (counts.size === 0) {
    const message = 'has no initial assignments, so there are no hub shares to compare with';
    const remedy = 'In allocation.asRun, name a run that registered new devices';
    throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hub, weight]) => ({ hub, weight }));
}
