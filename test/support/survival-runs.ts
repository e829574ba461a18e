import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import type { EmulatorProgram } from './dpsload-program.ts';
import { onlyRunFolder, type ResultRow, readLines, readResultRows } from './results.ts';
import { targetArgs } from './target-args.ts';

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
  return { args: ['run', fleet, ...targetArgs(emulator), '--out', out, ...options], out };
}

export const resultsOf = (run: string): readonly ResultRow[] => readResultRows(join(run, 'registrations.csv'));

/** The service knew the device before, and the results do not say that it may be registered twice. */
export const isAgainUnmarked = (row: ResultRow): boolean =>
  row['substatus'] !== 'initialAssignment' && row['possibly_twice'] !== 'true';

/** Of a line of the journal. */
export type JournalLine = {
  readonly kind: string;
  readonly round?: number;
  readonly result?: string;
  readonly inFlight?: number;
  readonly reason?: string;
};

/** What the journal of the one run under `out` says so far. */
export function journalOf(out: string): readonly JournalLine[] {
  try {
    return readLines<JournalLine>(join(onlyRunFolder(out), 'journal.ndjson'));
  } catch {
    return [];
  }
}

/** Resolves when `holds` does of a line; rejects when the run has `ended` before. */
export async function untilJournal(
  out: string,
  holds: (line: JournalLine) => boolean,
  ended: Promise<unknown>,
): Promise<void> {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  while (!journalOf(out).some(holds)) {
    if (hasEnded) throw new Error('the run ended before');
    await pauseMs(100);
  }
}

/** Resolves when so many registrations of the one run under `out` have ended. */
export async function untilOutcomes(out: string, count: number): Promise<void> {
  while (journalOf(out).filter(({ kind }) => kind === 'outcome').length < count) await pauseMs(20);
}
