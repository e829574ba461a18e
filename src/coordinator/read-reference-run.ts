import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { OperatorError } from '../problem/operator-error.ts';
import { unreadableFile } from '../problem/unreadable-file.ts';
import type { AllocationExpectation, HubWeight } from '../scenario/allocation-expectation.ts';

/**
 * The expectation with the counts of the run that it names as weights; any other as it is.
 *
 * @throws OperatorError `usage` when that run cannot be read, or has no initial assignment.
 */
export async function withReferenceRun(
  expectation: AllocationExpectation | null,
): Promise<AllocationExpectation | null> {
  if (expectation === null || expectation.asRun === null) return expectation;
  return { ...expectation, cohorts: [{ name: '', hubs: await initialHubs(expectation.asRun) }] };
}

async function initialHubs(folder: string): Promise<readonly HubWeight[]> {
  const counts = new Map<string, number>();
  const file = join(folder, 'registrations.csv');
  const source = createReadStream(file);
  const rows = source.pipe(parse({ columns: true }));
  source.once('error', (error) => rows.destroy(error));
  try {
    for await (const row of rows as AsyncIterable<Readonly<Record<string, string>>>) {
      const hub = (row['assigned_hub'] ?? '').toLowerCase();
      if (row['substatus'] !== 'initialAssignment' || hub === '') continue;
      counts.set(hub, (counts.get(hub) ?? 0) + 1);
    }
  } catch (error) {
    throw unreadableFile(file, error);
  } finally {
    source.destroy();
  }
  if (counts.size === 0) {
    const message = 'has no device that came to its first hub, so that there are no shares to compare with';
    const remedy = 'Name a run that registered new devices in allocation.asRun';
    throw new OperatorError('usage', [{ file: folder, line: null, column: null, message, remedy }]);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([hub, weight]) => ({ hub, weight }));
}
