import { join } from 'node:path';
import { expect } from 'vitest';
import { ACCOUNT_LABELS } from '../../src/report/account-text.ts';
import { formatCount } from '../../src/report/format.ts';
import type { Summary } from '../../src/report/summary.ts';
import { type ResultRow, readResultRows } from './results.ts';

/** The states of a row of the fleet file, as the account names them. */
export const STATES = ['assigned', 'failed', 'leftOut', 'notSelected', 'notStarted', 'unknown'] as const;

export type StateCounts = Readonly<Record<(typeof STATES)[number], number>>;

export function sumOf(counts: StateCounts): number {
  return STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** What is said of one run, or of several. */
export type AccountOutputs = {
  readonly summary: Summary;
  /** As `report` prints it. */
  readonly text: string;
  /** report.html */
  readonly page: string;
  readonly junit: string;
};

/** Every row of the fleet file is counted once, and alike in every output. */
export function expectOneAccount({ summary, text, page, junit }: AccountOutputs): void {
  const { account } = summary;
  expect(sumOf(account)).toBe(account.fileRows);
  expectSentence(text.split('\n')[1] ?? '', account);
  expectSentence((/<h1>(.*?)<\/h1>/.exec(page)?.[1] ?? '').replace('All', 'all'), account);
  for (const state of STATES) {
    const count = formatCount(account[state]);
    expect(page).toContain(`<tr><th scope="row">${ACCOUNT_LABELS[state]}</th><td>${count}</td></tr>`);
    expect(junit).toContain(`name="account.${state}" value="${account[state]}"`);
    if (summary.groups.length > 0) {
      expect(summary.groups.reduce((sum, group) => sum + group[state], 0)).toBe(account[state]);
    }
  }
}

/** The number of `pattern` in a sentence such as `3 of 9 devices assigned; 2 rows left out`. */
function said(sentence: string, pattern: RegExp): number {
  return Number(pattern.exec(sentence)?.[1]?.replaceAll(',', '') ?? 0);
}

function expectSentence(sentence: string, account: Summary['account']): void {
  const assigned = /all [\d,]+ device/.test(sentence) ? account.fileRows : said(sentence, /([\d,]+) of [\d,]+ device/);
  expect([sentence, assigned]).toEqual([sentence, account.assigned]);
  expect(said(sentence, /([\d,]+) failed/)).toBe(account.failed);
  expect(said(sentence, /([\d,]+) rows? left out/)).toBe(account.leftOut);
  expect(said(sentence, /([\d,]+) not selected/)).toBe(account.notSelected);
  expect(said(sentence, /([\d,]+) not started/)).toBe(account.notStarted);
  expect(said(sentence, /([\d,]+) unknown/)).toBe(account.unknown);
}

/** not-registered.csv lists each row without a hub, in the state that the account has it in. Returns its rows. */
export function expectNotRegistered(folder: string, account: Summary['account']): readonly ResultRow[] {
  const rows = readResultRows(join(folder, 'not-registered.csv'));
  expect(rows).toHaveLength(account.fileRows - account.assigned);
  const names = ['failed', 'left-out', 'not-selected', 'not-started', 'unknown'];
  expect(names.map((name) => rows.filter(({ state }) => state === name).length)).toEqual(
    STATES.slice(1).map((state) => account[state]),
  );
  // The row that is kept has the ID of its copies.
  const isCopy = ({ error_message: reason }: ResultRow): boolean => /^exact copy of line/.test(reason ?? '');
  for (const row of rows) {
    expect([row['Site'], row['what_to_do']]).not.toContain('');
    expect([row, row['registration_id'] === '']).toEqual([row, isCopy(row)]);
  }
  return rows;
}

/** registrations.csv has every register request that the summary counts, except those of registrations that were made again. */
export function expectRegistersSent(rows: readonly ResultRow[], { requests }: Summary): void {
  expect(rows.reduce((sum, row) => sum + Number(row['registers_sent']), requests.registersReplaced)).toBe(
    requests.registersSent,
  );
}

/** What scripts rely on does not contradict the account. For a run without thresholds. */
export function expectExitCode(code: number | null, summary: Summary): void {
  const { account, end, verdict } = summary;
  if (end === null) return;
  if (end.reason === 'canary') expect(code).toBe(4);
  if (end.reason === 'interrupted') expect(code).toBe(130);
  if (end.reason !== 'completed' && end.reason !== 'limit') return;
  const isSuccess = account.leftOut === 0 && ['all-assigned', 'part-assigned'].includes(verdict);
  expect(code).toBe(isSuccess ? 0 : 3);
  if (account.failed + account.unknown > 0) expect(code).toBe(3);
}
