import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditRun } from '../../src/audit/audit-run.ts';
import { deviceOf } from '../../src/audit/audited-device.ts';
import { RunCleanup } from '../../src/cleanup/clean-run.ts';
import { recordRemoval, wasCreatedByRun } from '../../src/cleanup/record-removal.ts';
import type { RegistrationStateBody } from '../../src/dps/payloads.ts';
import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { auditVerdict } from '../../src/report/audit-text.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { CLEANUP_FILE } from '../../src/run-folder/cleanup-file.ts';
import { assignedRows, RecordedService, recordOf, writeRunAtService } from '../support/recorded-service.ts';
import { readResultRows } from '../support/results.ts';
import { notAssigned, outcomeRecord, sessionRecord } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const root = temporaryFolder();
const LATER = '2026-01-05T00:00:00.0000000Z';

describe('a registration record', () => {
  const device = (changes: Partial<OutcomeRecord>) =>
    deviceOf([{ outcome: outcomeRecord(0, changes), clockEpochMs: 0 }]);

  it.each([
    ['that the run created', {}, true],
    ['of a device that registered again', { substatus: 'reprovisionedToInitialAssignment' }, false],
    ['from before the run, whatever the answer says', { serviceCreatedAt: '2025-06-01T00:00:00Z' }, false],
    ['of which the answer did not tell the time', { serviceCreatedAt: null }, false],
    ['of a device without an answer', notAssigned({ result: 'timed-out', possiblyTwice: true }), false],
  ] as const)('%s', (_, changes, isOurs) => {
    expect(wasCreatedByRun(device(changes), sessionRecord().startedAtEpochMs)).toBe(isOurs);
  });

  it.each([
    ['goes by its ETag', {}, 'delete'],
    ['stays when the device registered again since', { lastUpdatedDateTimeUtc: LATER }, 'kept'],
    ['stays when it is a later one', { createdDateTimeUtc: LATER, lastUpdatedDateTimeUtc: LATER }, 'kept'],
    ['stays while the device registers', { status: 'assigning' }, 'kept'],
    ['stays when the device has another hub since', { assignedHub: 'other.azure-devices.net' }, 'kept'],
    ['stays when the device has another ID since', { deviceId: 'other' }, 'kept'],
    ['stays when it is of a second assignment', { substatus: 'deviceDataMigrated' }, 'kept'],
    ['goes when the service does not say which assignment it is of', { substatus: undefined }, 'delete'],
    ['stays without an ETag', { etag: undefined }, 'kept'],
  ] as const)('%s', (_, changes, state) => {
    const record = { ...recordOf(outcomeRecord(0)), ...(changes as Partial<RegistrationStateBody>) };
    expect(recordRemoval(device({}), record).state).toBe(state);
  });
});

describe('a clean-up', () => {
  const ROWS = 60;

  function cleaned(service: RecordedService, folder: string) {
    const clock = new VirtualClock();
    // After the run.
    clock.jumpTo(7 * 24 * 3_600_000);
    return {
      session: { hostName: 'contoso-dps.azure-devices-provisioning.net', clock, isStopped: () => false },
      async all(isStopped = () => false) {
        const cleanup = await RunCleanup.open(folder);
        const session = { ...this.session, isStopped };
        const plan = await cleanup.plan(service, this.session);
        const counts = await cleanup.remove(service, session);
        await cleanup.close(!isStopped());
        return { plan, counts };
      },
    };
  }

  function run() {
    const folder = mkdtempSync(join(root, 'run-'));
    const outcomes = assignedRows(ROWS).map((outcome, row) =>
      row === 1 ? { ...outcome, substatus: 'reprovisionedToInitialAssignment' } : outcome,
    );
    writeRunAtService(folder, outcomes);
    const service = new RecordedService([...outcomes.map(recordOf), recordOf(outcomeRecord(900))]);
    const changed = recordOf(outcomes[2] as OutcomeRecord);
    service.records.set('dev-000002', { ...changed, lastUpdatedDateTimeUtc: LATER });
    service.records.delete('dev-000003');
    return { folder, service };
  }

  it('deletes what the run created, and nothing else, over a stop', async () => {
    const { folder, service } = run();
    const cleaning = cleaned(service, folder);
    const { plan } = await cleaning.all(() => service.records.size < ROWS - 20);
    expect(plan?.counts).toEqual({ delete: ROWS - 3, gone: 1, kept: 1 });
    expect(plan?.examples).toEqual(['dev-000000', 'dev-000004', 'dev-000005']);
    expect(plan?.keptExamples).toEqual([`dev-000002 (changed since: registered again at ${LATER})`]);
    expect(service.records.size).toBeGreaterThan(3);
    await cleaning.all();
    expect([...service.records.keys()]).toEqual(['dev-000001', 'dev-000002', 'dev-000900']);
    const deletions = service.asked.filter((one) => one.startsWith('delete'));
    expect(new Set(deletions).size).toBe(deletions.length);
    const rows = readResultRows(join(folder, CLEANUP_FILE));
    expect(rows.filter(({ state }) => state === 'deleted')).toHaveLength(ROWS - 3);

    await makeResults(folder, { fleet: null });
    const left = readFileSync(join(folder, 'left-behind.txt'), 'utf8');
    expect(left.match(/device-identity delete/g)).toHaveLength(ROWS);
    expect(left.match(/--registration-id=\S+/g)).toEqual([
      '--registration-id=dev-000001',
      '--registration-id=dev-000002',
    ]);
  });

  it('asks for no groups when the run has more than an instance may have', async () => {
    const folder = mkdtempSync(join(root, 'run-'));
    const outcomes = assignedRows(101).map((outcome, row) => ({ ...outcome, group: `batch-${row}` }));
    writeRunAtService(folder, outcomes);
    const service = new RecordedService(outcomes.map(recordOf));
    const cleaning = cleaned(service, folder);
    const cleanup = await RunCleanup.open(folder);
    const plan = await cleanup.plan(service, cleaning.session);
    await cleanup.close(true);
    expect(plan?.counts.delete).toBe(101);
    expect(service.asked.filter((one) => one.startsWith('page'))).toEqual([]);
  });

  it('of another instance, which has no record of the run, leaves the right one to be cleaned up', async () => {
    const { folder, service } = run();
    const cleaning = cleaned(new RecordedService([]), folder);
    const elsewhere = await RunCleanup.open(folder);
    const nothing = await elsewhere.plan(new RecordedService([]), cleaning.session);
    expect(nothing && elsewhere.foundNothing(nothing)).toBe(true);
    await elsewhere.close(true);
    expect((await cleaning.all()).counts).toEqual({ deleted: 0, gone: ROWS - 1, kept: 0, failed: 0 });

    const right = await RunCleanup.open(folder);
    const plan = await right.plan(service, cleaning.session);
    expect(plan?.counts).toEqual({ delete: ROWS - 3, gone: 1, kept: 1 });
    expect(plan && right.foundNothing(plan)).toBe(false);
    await right.close(true);
    await cleaned(service, folder).all();
    const again = await RunCleanup.open(folder);
    expect((await again.plan(service, cleaning.session))?.counts).toEqual({ delete: 0, gone: 0, kept: 1 });
    await again.close(true);
  });

  it('is seen by the next audit', async () => {
    const { folder, service } = run();
    const cleaning = cleaned(service, folder);
    await cleaning.all();
    const options = { ...cleaning.session, folder, source: service, groups: null, allowExtra: true };
    const { summary } = await auditRun({ ...options, onProgress: () => {} });
    expect(summary?.rows).toMatchObject({ removed: ROWS - 2, agrees: 2, missing: 0, differs: 0 });
    if (summary === null) throw new Error('the audit was not stopped');
    const allRemoved = { ...summary, rows: { ...summary.rows, removed: ROWS, agrees: 0 } };
    expect(auditVerdict(allRemoved)).toMatch(/^no row to compare, 1 extra record \(allowed\) \(contoso/);
  });

  it('keeps a record that changes at the last moment', async () => {
    const { folder, service } = run();
    const cleaning = cleaned(service, folder);
    const cleanup = await RunCleanup.open(folder);
    await cleanup.plan(service, cleaning.session);
    service.records.set('dev-000004', { ...recordOf(outcomeRecord(4)), etag: 'another' });
    const counts = await cleanup.remove(service, cleaning.session);
    await cleanup.close(true);
    expect(counts).toEqual({ deleted: ROWS - 4, gone: 1, kept: 2, failed: 0 });
    expect(service.records.has('dev-000004')).toBe(true);
  });
});
