import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import type { FleetFile } from '../../src/fleet/fleet-file.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { junitXml } from '../../src/report/junit-xml.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { grantRecord, HUBS, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const [A, B, C] = HUBS;

/** Where a device should go, and where it went; `known` = it had a hub before the run. */
type Device = { readonly group?: string; readonly expected?: string; readonly hub: string; readonly known?: boolean };

/** The note of each device has two lines, so that rows and lines differ. */
const lineOf = (row: number): number => 2 + 2 * row;

function filesOf(devices: readonly Device[]) {
  const folder = mkdtempSync(join(root, 'run-'));
  const text = ['registration_id,note', ...devices.map((_, row) => `dev-${row},"a\nb"`)].join('\n');
  const file = join(folder, 'fleet.csv');
  writeFileSync(file, text);
  return { folder, text, fleet: { file, delimiter: null, header: true, columns: {} } satisfies FleetFile };
}

async function resultsOf(devices: readonly Device[], allocation: AllocationExpectation | null, hasFleet = true) {
  const { folder, text, fleet } = filesOf(devices);
  const session = sessionOf(devices.length, { allocation });
  const digest = createHash('sha256').update(text).digest('hex');
  const records: JournalRecord[] = [
    { ...session, fleet: { ...session.fleet, digest, bytes: Buffer.byteLength(text), otherColumns: ['note'] } },
    grantRecord(0, devices.length - 1),
    ...devices.map(({ group = null, expected = null, hub, known = false }, row) =>
      outcomeRecord(row, {
        registrationId: `dev-${row}`,
        group,
        expectedHub: expected,
        assignedHub: hub,
        otherValues: ['a\nb'],
        ...(known ? { substatus: 'reprovisionedToSameHub', serviceCreatedAt: '2025-06-01T00:00:00Z' } : {}),
      }),
    ),
    { kind: 'end', atMs: 9_000, reason: 'completed', message: null },
  ];
  writeJournal(join(folder, 'journal.ndjson'), records);
  const { summary, reportHtml } = await makeResults(folder, { fleet: hasFleet ? fleet : null });
  const rows: Record<string, string>[] = parse(readFileSync(join(folder, 'wrong-hub.csv'), 'utf8'), { columns: true });
  return { summary, rows, page: reportHtml() };
}

const one = (hub: string) => [{ hub, weight: 1 }];

describe('a device at a wrong hub', () => {
  it('is named with its line, in text, report, JUnit and a file, when its row expects another hub', async () => {
    const devices = Array.from({ length: 30 }, (_, row) => ({ expected: A, hub: row % 4 === 3 ? B : A.toUpperCase() }));
    const { summary, rows, page } = await resultsOf(devices, { ...EVEN_THIRDS, by: 'row', cohorts: [] });
    const wrong = [3, 7, 11, 15, 19, 23, 27];
    expect(
      rows.map((row) => [row['registration_id'], Number(row['line']), row['assigned_hub'], row['expected_hubs']]),
    ).toEqual(wrong.map((row) => [`dev-${row}`, lineOf(row), B, A]));
    expect(rows[0]?.['note']).toBe('a\nb');
    expect(summary.wrongHubs?.count).toBe(summary.expectedHubs?.elsewhere);
    const text = summaryText(summary);
    expect(text).toContain('7 registrations at a wrong hub, all in wrong-hub.csv\n');
    expect(text).toMatch(/^dev-3 +line 8 +hub-b\S+ +expected hub-a/m);
    expect(text).toMatch(/^dev-19 .*\nand 2 more\n/m);
    expect(text).not.toContain('dev-23');
    expect(junitXml(summary)).toContain(`dev-3, line 8, ${B}, expected ${A}`);
    expect(page).toContain('7 registrations at a wrong hub, all in wrong-hub.csv');
    expect(page).toContain('<code>dev-19</code>');
  });

  it.each<[string, readonly Device[], Partial<AllocationExpectation>, readonly number[]]>([
    [
      'its group',
      [
        { group: 'x', hub: A },
        { group: 'x', hub: B },
        { group: 'y', hub: B },
      ],
      {
        by: 'group',
        cohorts: [
          { name: 'x', hubs: one(A) },
          { name: 'y', hubs: [...one(B), { hub: A, weight: 0 }] },
        ],
      },
      [1],
    ],
    [
      'a weight of 0',
      [{ hub: A }, { hub: B }],
      { cohorts: [{ name: '', hubs: [...one(A), { hub: B, weight: 0 }] }] },
      [1],
    ],
    ['nobody', [{ hub: A }, { hub: B }, { hub: C }], {}, []],
    [
      'a group without an expectation',
      [{ group: 'z', hub: A }],
      { by: 'group', cohorts: [{ name: 'x', hubs: one(B) }] },
      [],
    ],
    ['a device that had its hub before', [{ hub: C, known: true }], { cohorts: [{ name: '', hubs: one(A) }] }, []],
    [
      'an earlier run, which is a sample',
      [{ hub: C }],
      { asRun: 'earlier', cohorts: [{ name: '', hubs: one(A) }] },
      [],
    ],
  ])('is one that the hubs of its cohort rule out: %s', async (_, devices, changes, wrong) => {
    const { summary, rows } = await resultsOf(devices, { ...EVEN_THIRDS, ...changes });
    expect(rows.map((row) => Number(row['line']))).toEqual(wrong.map(lineOf));
    expect(summary.wrongHubs?.count).toBe(wrong.length);
    expect(summaryText(summary).includes('at a wrong hub')).toBe(wrong.length > 0);
  });

  it('has no line when the fleet file is missing, and is not looked for when nothing is expected', async () => {
    const { summary, rows } = await resultsOf([{ expected: A, hub: B }], null, false);
    expect(rows).toMatchObject([{ registration_id: 'dev-0', line: '', assigned_hub: B, expected_hubs: A }]);
    expect(summaryText(summary)).toMatch(/^dev-0 +line not known +hub-b/m);
    expect((await resultsOf([{ hub: B }], null)).summary.wrongHubs).toBeNull();
  });
});
