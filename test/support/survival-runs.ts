import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EmulatorProgram } from './dpsload-program.ts';
import { type ResultRow, readResultRows } from './results.ts';

/** A fleet of its own, and the command that registers it at `emulator`; results go below `out`. */
export function fleetRunArgs(
  folder: string,
  emulator: EmulatorProgram,
  name: string,
  rows: number,
  options: readonly string[],
): { readonly args: string[]; readonly out: string } {
  const fleet = join(folder, `${name}.csv`);
  const out = join(folder, `${name}-out`);
  const ids = Array.from({ length: rows }, (_, row) => `${name}-${row}\n`).join('');
  writeFileSync(fleet, `registration_id\n${ids}`);
  const target = ['--host', '127.0.0.1', '--port', String(emulator.port), '--id-scope', emulator.idScope];
  return { args: ['run', fleet, ...target, '--ca', emulator.caFile, '--out', out, ...options], out };
}

export const resultsOf = (run: string): readonly ResultRow[] => readResultRows(join(run, 'registrations.csv'));

/** The service knew the device before, and the results do not say that it may be registered twice. */
export const isAgainUnmarked = (row: ResultRow): boolean =>
  row['substatus'] !== 'initialAssignment' && row['possibly_twice'] !== 'true';
