import { join } from 'node:path';
import { readFirstSession } from '../journal/journal-reader.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { targetKey, targetLabel } from '../journal/target-name.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { formatNoun } from '../report/format.ts';
import { JOURNAL_FILE } from '../run-folder/run-folder.ts';

export type MergeableRuns = {
  /** Sorted by when the runs began. */
  readonly folders: readonly string[];
  /** For the reader of their common results. */
  readonly warnings: readonly string[];
};

type Run = { readonly folder: string; readonly session: SessionRecord };

/**
 * Checks that runs can share one set of results: each row must mean the same device, and each outcome the same service.
 *
 * @param folders at least one
 * @throws OperatorError `usage`, listing everything that prevents the merge
 */
export async function mergeableRuns(folders: readonly string[]): Promise<MergeableRuns> {
  const runs = await Promise.all(
    folders.map(async (folder) => ({ folder, session: await readFirstSession(join(folder, JOURNAL_FILE)) })),
  );
  runs.sort((a, b) => a.session.startedAtEpochMs - b.session.startedAtEpochMs);
  const [first, ...others] = runs;
  if (first === undefined) throw new Error('at least one run is needed');
  const problems = others.flatMap((run, place) => problemsOf(run, first, runs[place] ?? first));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { folders: runs.map(({ folder }) => folder), warnings: others.flatMap((run) => differences(run, first)) };
}

/** @param before the run that began before this one */
function problemsOf({ folder, session }: Run, first: Run, before: Run): readonly Problem[] {
  const { fleet, target, rounds } = first.session;
  if (session.startedAtEpochMs === before.session.startedAtEpochMs) {
    return [problemIn(folder, `is the same run as ${before.folder}`, 'Name each run only once')];
  }
  const found: Problem[] = [];
  if (session.fleet.digest !== fleet.digest) {
    // The first run may have been resumed with the longer fleet that this one began with; reading its journal will tell.
    if (session.fleet.bytes <= fleet.bytes) found.push(differentFleet(folder, session, first.session));
  } else if (
    session.fleet.rows !== fleet.rows ||
    JSON.stringify(session.fleet.otherColumns) !== JSON.stringify(fleet.otherColumns)
  ) {
    const message = `interprets the rows or columns of the fleet differently from ${first.folder}`;
    found.push(
      problemIn(
        folder,
        message,
        'Use the same --map, --on-bad-row, --exact-duplicates and --attestation for every run',
      ),
    );
  }
  if (targetKey(session.target) !== targetKey(target)) {
    const message = `has a different target from ${first.folder}: ${targetLabel(session.target)} instead of ${targetLabel(target)}`;
    const remedy = 'Report these runs separately: success at one service does not make up for a failure at another';
    found.push(problemIn(folder, message, remedy));
  }
  if (session.rounds !== rounds) {
    const message = `has ${formatNoun(session.rounds, 'round')}, but ${first.folder} has ${rounds}`;
    found.push(problemIn(folder, message, 'Merge only runs with the same --rounds'));
  }
  return found;
}

/** @param file the journal or folder of the run with `session` */
export function differentFleet(file: string, session: SessionRecord, before: SessionRecord): Problem {
  return problemIn(
    file,
    `used a different fleet from the run before it: SHA-256 ${session.fleet.digest} instead of ${before.fleet.digest}`,
    'Merge only runs of the same fleet file; to run part of it, use --only instead of a separate file',
  );
}

function differences({ folder, session }: Run, first: Run): readonly string[] {
  const compared = {
    'dpsload version': 'dpsloadVersion',
    'API version': 'apiVersion',
    attestation: 'attestation',
  } as const;
  return Object.entries(compared)
    .filter(([, member]) => session[member] !== first.session[member])
    .map(
      ([what, member]) =>
        `${folder} used ${what} ${session[member]}, but ${first.folder} used ${first.session[member]}`,
    );
}
