import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeOfRun } from '../../src/cli/host/run-exit-code.ts';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import type { EndReason, JournalRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import type { RegistrationOutcome } from '../../src/registration/registration-outcome.ts';
import { junitXml } from '../../src/report/junit-xml.ts';
import { leftOf, type Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults, mergeResults } from '../../src/results/write-results.ts';
import { writeRejectedRows } from '../../src/run-folder/rejected-rows.ts';
import { writeRunFile } from '../../src/run-folder/run-file.ts';
import {
  expectExitCode,
  expectNotRegistered,
  expectOneAccount,
  expectRegistersSent,
  STATES,
  sumOf,
} from '../support/account-outputs.ts';
import { readResultRows } from '../support/results.ts';
import { notAssigned, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const RULES = { keys: 'for-every-row' } as const;

/** What the service would know of each device: whether it has a hub, and the register requests that arrived. */
type Service = { readonly hubs: Set<number>; registers: number };

const RESULTS = ['assigned', 'assigned', 'assigned', 'refused', 'throttled', 'cancelled', 'unsent', 'lost'] as const;

const session = fc.record({
  /** What becomes of each row, if it is launched. */
  fates: fc.array(fc.constantFrom(...RESULTS), { minLength: 40, maxLength: 40 }),
  /** Which rows `--only` and `--exclude` leave. */
  selected: fc.option(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), { nil: null }),
  /** Rows that `--limit` leaves of these. */
  limit: fc.option(fc.integer({ min: 1, max: 20 }), { nil: null }),
  /** Launches up to a stop or a crash. */
  launches: fc.nat(60),
  ending: fc.constantFrom<EndReason | 'crash'>('completed', 'limit', 'interrupted', 'canary', 'crash'),
});

const run = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  bad: fc.integer({ min: 0, max: 4 }),
  /** Exact copies of the first row, which is kept. */
  copies: fc.integer({ min: 0, max: 2 }),
  rounds: fc.integer({ min: 1, max: 2 }),
  isMerge: fc.boolean(),
  sessions: fc.array(session, { minLength: 1, maxLength: 3 }),
});

/** A case that chance would hardly produce. */
const WHOLE: Run = {
  rows: 3,
  bad: 0,
  copies: 0,
  rounds: 1,
  isMerge: false,
  sessions: [{ fates: Array(40).fill('assigned'), selected: null, limit: null, launches: 60, ending: 'completed' }],
};

type Run = typeof run extends fc.Arbitrary<infer Value> ? Value : never;
type Session = Run['sessions'][number];

function ranges(rows: readonly number[]): (readonly [number, number])[] {
  return rows.map((row) => [row, row] as const);
}

/** The records of one session; registers what it sends with the service. */
function recordsOf(one: Session, first: SessionRecord, service: Service): JournalRecord[] {
  const { rows } = first.fleet;
  const all = Array.from({ length: rows }, (_, row) => row);
  const chosen = all.filter((row) => one.selected?.[row] ?? true).slice(0, one.limit ?? rows);
  const todo = Array.from({ length: first.rounds }, (_, index) =>
    chosen.map((row) => ({ row, round: index + 1 })),
  ).flat();
  const isDone = one.ending === 'completed' || one.ending === 'limit';
  const records: JournalRecord[] = [{ ...first, selectedRows: chosen.length }];
  if (chosen.length < rows) records.push({ kind: 'selection', rows: ranges(chosen) });
  for (const { row, round } of isDone ? todo : todo.slice(0, one.launches)) {
    const fate = one.fates[(row * 2 + round) % 40] ?? 'assigned';
    records.push({ kind: 'grant', atMs: 1, round, sequence: row, rows: [[row, row]] });
    if (fate === 'lost') {
      service.registers += row % 2;
      continue;
    }
    const changes = outcomeChanges(fate);
    const asInFile = { registrationId: `dev-${row}`, group: `line-${row % 3}`, otherValues: [`site ${row % 2}`] };
    const outcome = outcomeRecord(row, { round, ...asInFile, ...changes });
    service.registers += outcome.registersSent;
    if (fate === 'assigned') service.hubs.add(row);
    records.push(outcome);
  }
  if (one.ending !== 'crash') records.push({ kind: 'end', atMs: 9, reason: one.ending, message: null });
  return records;
}

function outcomeChanges(fate: Exclude<(typeof RESULTS)[number], 'lost'>): Partial<RegistrationOutcome> {
  if (fate === 'assigned') return {};
  if (fate === 'unsent') return notAssigned({ result: 'not-started', registersSent: 0, attempts: 0 });
  return notAssigned({ result: fate, errorCode: fate === 'refused' ? '401000' : null });
}

/** Makes the folders of a run of several sessions, or of several runs of one session. */
async function make({ rows, bad, copies, rounds, isMerge, sessions }: Run) {
  const base = mkdtempSync(join(root, 'case-'));
  const fleet: FleetFile = { file: join(base, 'fleet.csv'), delimiter: ',', header: true, columns: {} };
  const lines = [
    ...Array.from({ length: rows }, (_, row) => `dev-${row},line-${row % 3},site ${row % 2}`),
    ...Array.from({ length: bad }, (_, index) => `no id ${index},line-x,site 9`),
    ...Array.from({ length: copies }, () => 'dev-0,line-0,site 0'),
  ];
  writeFileSync(fleet.file, `registration_id,group,Site\n${lines.join('\n')}\n`);
  const survey = await surveyFleet(fleet, RULES, { onBadRow: 'skip', exactDuplicates: 'keep-first' });
  const { file, digest, bytes, rejectedRows, otherColumns } = survey;
  const facts = { file, digest, bytes, rows: survey.rows, rejectedRows, otherColumns };
  const service: Service = { hubs: new Set(), registers: 0 };
  const parts = sessions.map((one, index) => {
    const startedAtEpochMs = Date.UTC(2026, 0, 1 + index);
    const first = sessionOf(rows, { session: isMerge ? 1 : index + 1, startedAtEpochMs, rounds });
    return recordsOf(one, { ...first, fleet: facts, breakdowns: ['Site', 'group'] }, service);
  });
  const folders: string[] = [];
  for (const records of isMerge ? parts : [parts.flat()]) {
    const folder = mkdtempSync(join(base, 'run-'));
    writeJournal(join(folder, 'journal.ndjson'), records);
    await writeRejectedRows(folder, { fleet, csvFor: 'plain' }, RULES, survey);
    writeRunFile(folder, runFileOf(fleet, facts));
    folders.push(folder);
  }
  const out = isMerge ? join(base, 'merged') : (folders[0] ?? '');
  const results = isMerge ? await mergeResults(folders, out) : await makeResults(out, { fleet });
  return { ...results, out, service };
}

function runFileOf(fleet: FleetFile, facts: SessionRecord['fleet']): Parameters<typeof writeRunFile>[1] {
  return {
    version: 1,
    dpsloadVersion: '0.1.0',
    startedAt: '2026-01-01T00:00:00Z',
    target: { kind: 'emulator', host: '127.0.0.1', port: 8883, idScope: '0ne00111111' },
    fleet: facts,
    selectionPins: { only: null, exclude: null },
    settings: {},
    scenario: { fleet: { ...fleet, columns: {} } },
    preflight: { tcpMs: null, tlsMs: null, connackMs: null, tlsVersion: null, failureCode: null },
    machine: {},
  };
}

/** The sum over the values of each column is the whole, and each value has as many rows as the file. */
function expectBreakdowns({ account, breakdowns }: Summary, { rows, bad, copies }: Run): void {
  expect(breakdowns.map(({ column }) => column)).toEqual(['Site', 'group']);
  for (const { column, values } of breakdowns) {
    for (const state of STATES) expect(values.reduce((sum, one) => sum + one[state], 0)).toBe(account[state]);
    for (const one of values) {
      expect([sumOf(one), one.hubs.reduce((sum, { count }) => sum + count, 0)]).toEqual([one.rows, one.assigned]);
    }
    const [parts, name] = column === 'Site' ? [2, 'site '] : [3, 'line-'];
    const expected = Array.from({ length: Math.min(parts, rows) }, (_, part): [string, number] => [
      `${name}${part}`,
      Math.ceil((rows - part) / parts) + (part === 0 ? copies : 0),
    ]);
    if (bad > 0) expected.push([column === 'Site' ? 'site 9' : 'line-x', bad]);
    expect(new Map(values.map(({ value, rows: of }) => [value, of]))).toEqual(new Map(expected));
  }
}

describe('every row of the fleet file', () => {
  it('has one state in every output, over random runs', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(run, async (one) => {
        const { summary, reportHtml, out, service } = await make(one);
        const { account, requests, verdict, end, files } = summary;
        expectBreakdowns(summary, one);
        if (end !== null) expectExitCode(exitCodeOfRun({ reason: end.reason, summary }), summary);
        if (files !== null) expect(JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))).toEqual(summary);
        expect(account.fileRows).toBe(one.rows + one.bad + one.copies);
        expect(account.leftOut).toBe(one.bad + one.copies);
        const isWhole = account.assigned === account.fileRows && ['completed', 'limit'].includes(end?.reason ?? '');
        // A device that is assigned in the last round may have failed in the one before.
        if (one.rounds === 1) expect(verdict === 'all-assigned').toBe(isWhole);
        else if (verdict === 'all-assigned') expect(isWhole).toBe(true);
        const page = reportHtml();
        expectOneAccount({ summary, text: summaryText(summary), page, junit: junitXml(summary) });
        const left = account.notStarted + account.unknown;
        if (one.rounds === 1) expect(leftOf(summary)).toBe(left);
        else expect(leftOf(summary)).toBeGreaterThanOrEqual(left);
        // A device is never said to have a hub that the service does not know of; in one round, each one is said to have it.
        expect(account.assigned).toBeLessThanOrEqual(service.hubs.size);
        if (one.rounds === 1) expect(account.assigned).toBe(service.hubs.size);
        expect(requests.registersSent).toBeLessThanOrEqual(service.registers);
        expect(requests.registersSent + requests.registersUncounted).toBeGreaterThanOrEqual(service.registers);
        expect(page.includes('The same folder contains')).toBe(files !== null);
        if (files === null) return;
        expectRegistersSent(readResultRows(join(out, 'registrations.csv')), summary);
        const notRegistered = expectNotRegistered(out, account);
        if (one.rounds > 1) return;
        expect(
          new Set(notRegistered.filter(({ state }) => state !== 'left-out').map((row) => row['registration_id'])),
        ).toEqual(
          new Set(
            Array.from({ length: one.rows }, (_, row) => row)
              .filter((row) => !service.hubs.has(row))
              .map((row) => `dev-${row}`),
          ),
        );
      }),
      { numRuns: 8, examples: [[WHOLE]] },
    );
  });
});
