import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Finding, finding, ok, warning } from './finding.ts';

const FOLDER = 'output folder';
const SPACE = 'disk space';
const REMEDY = 'Name another folder with --out DIR';

/** Bytes of one registration, without its ID and the fleet's own columns: a journal line, with its part of grants and samples. */
const JOURNAL_BYTES = 530;
/** Likewise its part of the results: a line of registrations.csv. */
const RESULT_BYTES = 300;
/** run.json, summary.json, latency.hlog and report.html, whose size does not depend on the fleet. */
const FIXED_BYTES = 1_000_000;
/** Share of the free space above which little is left for anything else. */
const TIGHT_SHARE = 0.9;

/** What a run writes. @param fleetBytes size of the fleet file, whose IDs are in journal and results, and its columns in the results */
export function bytesOfRun(registrations: number, fleetBytes: number, rounds: number): number {
  return registrations * (JOURNAL_BYTES + RESULT_BYTES) + 2 * fleetBytes * rounds + FIXED_BYTES;
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
  if (needed > free) return finding('problem', SPACE, evidence, remedy);
  return needed > free * TIGHT_SHARE ? warning(SPACE, evidence, remedy) : ok(SPACE, evidence);
}

/** The folder itself, or what exists of its path. */
function existingPart(folder: string): string {
  const parent = dirname(folder);
  return parent === folder || existsSync(folder) ? folder : existingPart(parent);
}

/** `1.5 MB`, in decimal units as disks are sold. */
function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${Math.ceil(bytes)} bytes`;
}
