import { join } from 'node:path';
import { readFirstSession } from '../journal/journal-reader.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { targetKey } from '../journal/target-key.ts';
import { targetLabel } from '../journal/target-label.ts';
import { OperatorError, type Problem } from '../problem/operator-error.ts';
import { JOURNAL_FILE } from './run-folder.ts';

export type RunsOfOneFleet = {
  /** In the order in which the runs began, however they were named. */
  readonly folders: readonly string[];
  /** What the reader of their common results should know. */
  readonly warnings: readonly string[];
};

type Run = { readonly folder: string; readonly session: SessionRecord };

/**
 * Runs whose outcomes can stand in one set of results: each row means the same device, and each outcome the same service.
 *
 * @param folders at least one
 * @throws OperatorError `usage` with everything that keeps them apart.
 */
export async function runsOfOneFleet(folders: readonly string[]): Promise<RunsOfOneFleet> {
  const runs = await Promise.all(
    folders.map(async (folder) => ({ folder, session: await readFirstSession(join(folder, JOURNAL_FILE)) })),
  );
  runs.sort((a, b) => a.session.startedAtEpochMs - b.session.startedAtEpochMs);
  const [first, ...others] = runs;
  if (first === undefined) throw new Error('there is at least one run');
  const problems = others.flatMap((run, place) => problemsOf(run, first, runs[place] ?? first));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { folders: runs.map(({ folder }) => folder), warnings: others.flatMap((run) => warningsOf(run, first)) };
}

/** @param before the run that began before this one */
function problemsOf({ folder, session }: Run, first: Run, before: Run): readonly Problem[] {
  const problem = (message: string, remedy: string): Problem => ({
    file: folder,
    line: null,
    column: null,
    message,
    remedy,
  });
  const { fleet, target, rounds } = first.session;
  if (session.startedAtEpochMs === before.session.startedAtEpochMs) {
    return [problem(`is the same run as ${before.folder}`, 'Name every run once')];
  }
  const found: Problem[] = [];
  if (session.fleet.digest !== fleet.digest) {
    // The first run may have been resumed with the longer fleet that this one began with: its journal will tell.
    if (session.fleet.bytes <= fleet.bytes) found.push(otherFleet(folder, session, first.session));
  } else if (session.fleet.rows !== fleet.rows || !sameTexts(session.fleet.otherColumns, fleet.otherColumns)) {
    found.push(
      problem(
        `reads the rows or columns of the fleet in another way than ${first.folder}`,
        'Give every run the same --map, --on-bad-row and --attestation',
      ),
    );
  }
  if (targetKey(session.target) !== targetKey(target)) {
    found.push(
      problem(
        `is of another target than ${first.folder}: ${targetLabel(session.target)} instead of ${targetLabel(target)}`,
        'A device that failed at one service is not made good at another: report the runs apart',
      ),
    );
  }
  if (session.rounds !== rounds) {
    found.push(
      problem(`has ${session.rounds} rounds, and ${first.folder} has ${rounds}`, 'Merge runs with equal --rounds'),
    );
  }
  return found;
}

export function otherFleet(file: string, session: SessionRecord, before: SessionRecord): Problem {
  return {
    file,
    line: null,
    column: null,
    message: `is of another fleet than the run before it: SHA-256 ${session.fleet.digest} instead of ${before.fleet.digest}`,
    remedy: 'Merge runs of one fleet file; take a part of it with --only, not with a file of its own',
  };
}

function warningsOf({ folder, session }: Run, first: Run): readonly string[] {
  const differing: readonly (readonly [what: string, value: string, firstValue: string])[] = [
    ['dpsload version', session.dpsloadVersion, first.session.dpsloadVersion],
    ['API version', session.apiVersion, first.session.apiVersion],
    ['attestation', session.attestation, first.session.attestation],
  ];
  return differing
    .filter(([, value, firstValue]) => value !== firstValue)
    .map(([what, value, firstValue]) => `${folder} is of ${what} ${value}, ${first.folder} of ${firstValue}`);
}

function sameTexts(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, place) => text === others[place]);
}
