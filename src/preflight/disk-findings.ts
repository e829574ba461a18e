import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { formatBytes } from '../report/format.ts';
import { type Finding, finding, graded, ok } from './finding.ts';

const FOLDER = 'output folder';
const SPACE = 'disk space';
const REMEDY = 'Name another folder with --out DIR';

/** A journal line with its part of grants and samples, without the ID and the fleet's own columns: 493 bytes measured in a run of a million. */
const JOURNAL_BYTES_PER_REGISTRATION = 530;
/** Likewise a line of registrations.csv: 293 bytes measured. */
const RESULT_BYTES_PER_REGISTRATION = 300;
/** run.json, summary.json, latency.hlog and report.html, whose size does not depend on the fleet. */
const BYTES_PER_RUN = 1_000_000;

/** What a run writes. @param fleetBytes size of the fleet file, whose IDs are in journal and results, and its columns in the results */
export function bytesOfRun(registrations: number, fleetBytes: number, rounds: number): number {
  return (
    registrations * (JOURNAL_BYTES_PER_REGISTRATION + RESULT_BYTES_PER_REGISTRATION) +
    2 * fleetBytes * rounds +
    BYTES_PER_RUN
  );
}

/** Finds out whether the output folder can be written, and has room. Leaves nothing behind. */
export function diskFindings(out: string, bytesNeeded: number): readonly Finding[] {
  const existing = existingPart(resolve(out));
  try {
    // The system is asked by trying: permissions alone do not tell for root, or on a read-only disk.
    rmdirSync(mkdtempSync(join(existing, '.dpsload-check-')));
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return [finding('problem', FOLDER, `${out} cannot be written (${code} in ${existing})`, REMEDY)];
  }
  const { bavail, bsize } = statfsSync(existing);
  return [ok(FOLDER, `${out} can be written`), spaceFinding(bytesNeeded, bavail * bsize)];
}

export function spaceFinding(needed: number, free: number): Finding {
  const evidence = `journal and results need about ${formatBytes(needed)}, ${formatBytes(free)} free`;
  const remedy = `Free ${needed > free ? formatBytes(needed - free) : 'some space'}, or name a folder on another disk with --out DIR`;
  return graded(SPACE, { needed, available: free }, evidence, remedy);
}

/** The folder itself, or what exists of its path. */
function existingPart(folder: string): string {
  const parent = dirname(folder);
  return parent === folder || existsSync(folder) ? folder : existingPart(parent);
}
