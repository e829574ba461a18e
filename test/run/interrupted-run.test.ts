import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { reopenJournal } from '../../src/journal/journal-writer.ts';
import { surveyJournals } from '../../src/results/survey-journals.ts';
import { readInterruptedRun } from '../../src/run/interrupted-run.ts';
import {
  grantRecord,
  notAssigned,
  outcomeRecord,
  sampleRecord,
  sessionOf,
  writeJournal,
} from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 6;
const session = sessionOf(ROWS);
const selectionPins = { only: null, exclude: null };
const runFile = { version: 1, settings: {}, fleet: session.fleet, selectionPins, sessions: 0 } as const;

function interruptedFolder(records: readonly JournalRecord[]) {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  const journal = join(folder, 'journal.ndjson');
  writeJournal(journal, records);
  return { folder, journal, bytes: readFileSync(journal) };
}

/** Every byte: test/journal/journal-file. Here, a few of each field, and those around the ends of lines. */
const CUT_EVERY_BYTES = 4;
const REOPENED_EVERY_BYTES = 32;

const LAST_THREE: Readonly<Record<string, readonly JournalRecord[]>> = {
  'outcomes and the end': [
    outcomeRecord(4),
    outcomeRecord(5, notAssigned({ result: 'timed-out', possiblyTwice: true })),
    { kind: 'end', atMs: 9_000, reason: 'completed', message: null },
  ],
  'a grant, a sample and an outcome': [grantRecord(3, 5), sampleRecord(1_000), outcomeRecord(3)],
  'a session, its grant and an outcome': [sessionOf(ROWS, { session: 2 }), grantRecord(0, 5), outcomeRecord(4)],
};

// They wait for the disk, mostly.
describe.concurrent('a journal that is cut anywhere in its last three records', () => {
  it.each(
    Object.entries(LAST_THREE),
  )('%s: goes on, and no row that was granted counts as never sent', async (_, last) => {
    const before: JournalRecord[] = [session, grantRecord(0, 2), outcomeRecord(0), outcomeRecord(1)];
    const { folder, journal, bytes } = interruptedFolder([...before, ...last]);
    const lineEnds = [...bytes.entries()].flatMap(([index, byte]) => (byte === 0x0a ? [index + 1] : []));
    const first = lineEnds[before.length - 1] ?? 0;
    for (let length = first; length <= bytes.length; length += 1) {
      if (length % CUT_EVERY_BYTES !== 0 && !lineEnds.some((end) => Math.abs(end - length) <= 1)) continue;
      writeFileSync(journal, bytes.subarray(0, length));
      const whole = [...before, ...last].slice(0, lineEnds.filter((end) => end <= length).length);
      const run = await readInterruptedRun(folder, runFile, 1);
      expect(run.journalBytes).toBe(lineEnds.findLast((end) => end <= length));
      const granted = whole.flatMap((record) => (record.kind === 'grant' ? record.rows : []));
      for (let row = 0; row < ROWS; row += 1) {
        const isGranted = granted.some(([from, to]) => row >= from && row <= to);
        expect(run.index.progressOf(row, 1) !== 'never-granted').toBe(isGranted || whole.some(settles(row)));
      }
      // The disk is waited for: what is cut off differs from byte to byte, what is gone on with from line to line.
      if (length % REOPENED_EVERY_BYTES !== 0 && !lineEnds.includes(length)) continue;
      const writer = await reopenJournal(journal, run.journalBytes);
      writer.append(sessionOf(ROWS, { session: run.sessions + 1 }));
      writer.append(grantRecord(0, ROWS - 1));
      for (let row = 0; row < ROWS; row += 1) writer.append(outcomeRecord(row));
      await writer.close();
      const survey = await surveyJournals([journal]);
      expect([survey.index.complete, survey.sessions.length]).toEqual([true, run.sessions + 1]);
      expect(survey.index.isPossiblyTwice(2, 1)).toBe(true);
    }
  });
});

const settles =
  (row: number) =>
  (record: JournalRecord): boolean =>
    record.kind === 'outcome' && record.row === row;

describe('an interrupted run', () => {
  it('that was killed before its first record begins with what run.json says', async () => {
    const { folder } = interruptedFolder([]);
    const run = await readInterruptedRun(folder, runFile, 2);
    expect(run).toMatchObject({
      sessions: 0,
      startedAtEpochMs: null,
      fleet: session.fleet,
      end: null,
      journalBytes: 0,
    });
    expect([run.index.rows, run.index.rounds]).toEqual([ROWS, 2]);
  });

  it.each([
    ['emptied, and whose results are there', [], ['registrations.csv'], 0],
    ['emptied, and whose summary alone is there', [], ['summary.json'], 0],
    ['emptied when a session had taken its results away', [], [], 1],
    ['cut by a whole session', [session], [], 2],
  ])('is refused whose journal was %s', async (_, records, results, sessions) => {
    const { folder } = interruptedFolder(records);
    for (const name of results) writeFileSync(join(folder, name), '');
    const refused = readInterruptedRun(folder, { ...runFile, sessions }, 1);
    await expect(refused).rejects.toThrow(/journal\.ndjson: the journal was truncated: .*\. Restore it from a copy/);
  });

  it('knows the fleet of its last session, with the rows that were added', async () => {
    const longer = { ...session.fleet, rows: ROWS + 2, bytes: 999, digest: 'cd'.repeat(32) };
    const second = { ...session, session: 2, fleet: longer };
    const { folder } = interruptedFolder([session, grantRecord(0, 0), second]);
    const run = await readInterruptedRun(folder, runFile, 1);
    expect([run.fleet, run.sessions, run.index.rows]).toEqual([longer, 2, ROWS + 2]);
    expect(run.index.progressOf(0, 1)).toBe('open');
  });
});
