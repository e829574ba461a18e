import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AuditOptions, auditRun } from '../../src/audit/audit-run.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { withdrawResults } from '../../src/results/result-files.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { checkChecksums } from '../../src/run-folder/checksums.ts';
import { assignedRows, RecordedService, recordOf, writeRunAtService } from '../support/recorded-service.ts';
import { readResultRows } from '../support/results.ts';
import { notAssigned, outcomeRecord } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const root = temporaryFolder();
const newFolder = (): string => mkdtempSync(join(root, 'run-'));
const ROWS = 40;

function auditOf(folder: string, source: RecordedService, options: Partial<AuditOptions> = {}) {
  return auditRun({
    folder,
    source,
    hostName: 'contoso-dps.azure-devices-provisioning.net',
    clock: new VirtualClock(),
    groups: null,
    allowExtra: false,
    isStopped: () => false,
    onProgress: () => {},
    ...options,
  });
}

/** A run of devices in one group, and a service that has exactly these. */
function agreeing(rows = ROWS, options: ConstructorParameters<typeof RecordedService>[1] = {}) {
  const folder = newFolder();
  const outcomes = assignedRows(rows);
  writeRunAtService(folder, outcomes);
  return { folder, outcomes, service: new RecordedService(outcomes.map(recordOf), options) };
}

const verdicts = (folder: string) =>
  readResultRows(join(folder, 'audit.csv'))
    .filter(({ verdict }) => verdict !== 'agrees')
    .map((row) => [row['registration_id'], row['verdict'], row['differences']]);

describe('an audit', () => {
  it('reads a group at once, and finds that everything agrees', async () => {
    const { folder, service } = agreeing();
    const { summary, found } = await auditOf(folder, service);
    expect(summary).toMatchObject({ rows: { agrees: ROWS, differs: 0, missing: 0 }, extra: 0, first: [] });
    expect(found).toBe(ROWS);
    expect(service.asked).toEqual(['page of line-a']);
    expect(verdicts(folder)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['audit.csv', 'audit.json', 'journal.ndjson']);
  });

  it('finds each planted difference, and nothing else', async () => {
    const { folder, outcomes, service } = agreeing();
    const plant = (row: number, changes: object): void => {
      const record = recordOf(outcomes[row] as (typeof outcomes)[number]);
      service.records.set(record.registrationId, { ...record, ...changes });
    };
    plant(3, { assignedHub: 'hub-z.azure-devices.net' });
    plant(5, { deviceId: 'other' });
    service.records.delete('dev-000007');
    plant(9, { registrationId: 'stranger' });
    service.records.set('DEV-000009', recordOf({ ...outcomeRecord(9), registrationId: 'DEV-000009' }));
    const { summary } = await auditOf(folder, service);
    expect(verdicts(folder)).toEqual([
      ['dev-000003', 'differs', 'hub'],
      ['dev-000005', 'differs', 'device-id'],
      ['dev-000007', 'missing', ''],
      ['stranger', 'extra', ''],
    ]);
    expect(summary?.first.map(({ registrationId }) => registrationId)).toEqual(
      verdicts(folder).map(([registrationId]) => registrationId),
    );
    // Only the one that the group does not have is asked for again.
    expect(service.asked).toEqual(['page of line-a', 'dev-000007']);
  });

  it('asks one by one where the group has many more records than the run, or is none', async () => {
    const { folder, service } = agreeing(2, { pageItems: 1 });
    for (let row = 100; row < 200; row += 1) service.records.set(`dev-${row}`, recordOf(outcomeRecord(row)));
    const all = [...service.records].reverse();
    service.records.clear();
    for (const [id, record] of all) service.records.set(id, record);
    const { summary } = await auditOf(folder, service);
    expect(summary).toMatchObject({ rows: { agrees: 2 }, extra: null });
    expect(service.asked).toHaveLength(5);

    const single = agreeing(3, { group: null });
    expect((await auditOf(single.folder, single.service)).summary).toMatchObject({ rows: { agrees: 3 }, extra: null });
    expect(single.service.asked).toEqual(['page of line-a', 'dev-000000', 'dev-000001', 'dev-000002']);
  });

  it('knows which of the groups that were named have no record, or are none', async () => {
    const { folder, service } = agreeing();
    const { summary, emptyGroups } = await auditOf(folder, service, { groups: ['line-a', 'nope'] });
    expect({ extra: summary?.extra, emptyGroups }).toEqual({ extra: 0, emptyGroups: ['nope'] });
    expect((await auditOf(folder, service)).emptyGroups).toEqual([]);
    // Perhaps it is no group at all.
    expect((await auditOf(folder, service, { groups: ['nope'] })).summary?.extra).toBeNull();
  });

  it('goes on where it was stopped, unless the run has gone on', async () => {
    const { folder, outcomes, service } = agreeing(ROWS, { group: null });
    const isStopped = () => service.asked.length > 20;
    const stopped = await auditOf(folder, service, { isStopped });
    expect(stopped).toMatchObject({ summary: null, devices: ROWS });
    expect(existsSync(join(folder, 'audit.csv'))).toBe(false);
    const { summary } = await auditOf(folder, service);
    expect(summary?.rows.agrees).toBe(ROWS);
    const single = service.asked.filter((one) => one.startsWith('dev-'));
    expect(new Set(single).size).toBe(ROWS);
    expect(single).toHaveLength(ROWS);

    service.asked.length = 0;
    await auditOf(folder, service, { isStopped });
    writeRunAtService(folder, [...outcomes, outcomeRecord(ROWS, { group: 'line-a' })]);
    service.asked.length = 0;
    expect((await auditOf(folder, service)).summary?.rows).toMatchObject({ agrees: ROWS, missing: 1 });
    expect(service.asked).toHaveLength(ROWS + 2);
  });

  it('tells what became of devices without an answer, in audit.csv alone', async () => {
    const folder = newFolder();
    const timedOut = notAssigned({ result: 'timed-out', errorCode: 'no-answer', possiblyTwice: true, group: 'line-a' });
    const outcomes = assignedRows(6).map((one, row) => (row < 2 ? outcomeRecord(row, timedOut) : one));
    outcomes[4] = outcomeRecord(4, { group: 'line-a', possiblyTwice: true });
    writeRunAtService(folder, outcomes);
    const before = readFileSync(join(folder, 'journal.ndjson'));
    const service = new RecordedService(outcomes.slice(1).map((_, index) => recordOf(outcomeRecord(index + 1))));
    const { summary } = await auditOf(folder, service);
    expect(summary).toMatchObject({
      rows: { agrees: 4, resolved: 2, unresolved: 0, differs: 0 },
      resolvedAs: { registered: 1, notRegistered: 1 },
      possiblyTwice: { once: 1, twice: 0, cannotTell: 0 },
    });
    expect(
      readResultRows(join(folder, 'audit.csv'))
        .slice(0, 2)
        .map((row) => row['told']),
    ).toEqual(['not-registered', 'registered']);
    expect(readFileSync(join(folder, 'journal.ndjson'))).toEqual(before);
  });

  it('belongs to the results, and is withdrawn with them', async () => {
    const { folder, service } = agreeing();
    service.records.delete('dev-000001');
    await auditOf(folder, service);
    const { summary, reportHtml } = await makeResults(folder, { fleet: null });
    expect(summary.audit?.rows).toMatchObject({ agrees: ROWS - 1, missing: 1 });
    expect(summaryText(summary)).toMatch(/^audit {7}39 agree: 40 rows compared, 1 without a record \(contoso/m);
    expect(reportHtml()).toContain('✕ differs');
    const listed = await checkChecksums(folder);
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['audit.csv', 'audit.json']));
    await withdrawResults(folder);
    expect(readdirSync(folder)).toEqual(['journal.ndjson']);
  });
});
