import { join } from 'node:path';
import { csvRows } from './csv-rows.ts';

/**
 * The rows of a run's registrations.csv, one at a time.
 *
 * @throws OperatorError `usage` when it cannot be read.
 */
export function registrationRows(folder: string): ReturnType<typeof csvRows> {
  return csvRows(join(folder, 'registrations.csv'));
}
