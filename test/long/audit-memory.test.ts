import { once } from 'node:events';
import { createWriteStream, mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { auditRun } from '../../src/audit/audit-run.ts';
import type { RecordSource } from '../../src/audit/read-records.ts';
import { RunCleanup } from '../../src/cleanup/clean-run.ts';
import { encodeJournalLine } from '../../src/journal/journal-line.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { recordOf, SERVICE_TARGET } from '../support/recorded-service.ts';
import { grantRecord, outcomeRecord, sessionOf } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = Number(process.env['AUDIT_ROWS'] ?? '100000');
const PAGE_ITEMS = 1_000;
/** What a million rows may take: an index of 40 bytes and a set of 16, twice while they grow, pages, and the garbage of streaming. */
const MEMORY_MAX_MB = 250;

const rowOf = (row: number) => outcomeRecord(row, { group: 'line-a' });

async function writeLargeJournal(folder: string): Promise<void> {
  const file = createWriteStream(join(folder, 'journal.ndjson'));
  const write = async (record: JournalRecord): Promise<void> => {
    if (!file.write(`${encodeJournalLine(record)}\n`)) await once(file, 'drain');
  };
  await write(sessionOf(ROWS, { target: SERVICE_TARGET }));
  await write(grantRecord(0, ROWS - 1));
  for (let row = 0; row < ROWS; row += 1) await write(rowOf(row));
  await write({ kind: 'end', atMs: ROWS * 10, reason: 'completed', message: null });
  file.end();
  await finished(file);
}

/** Gives the pages in an order of its own, as the service may, and lacks one record. */
const service: RecordSource = {
  async registration() {
    return null;
  },
  async *registrationsOfGroup() {
    for (let page = ROWS / PAGE_ITEMS - 1; page >= 0; page -= 1) {
      yield Array.from({ length: PAGE_ITEMS }, (_, item) => recordOf(rowOf(page * PAGE_ITEMS + item))).slice(
        page === 7 ? 1 : 0,
      );
    }
  },
};

/** The most memory held while it works, beyond that of before. */
async function measured<Result>(work: () => Promise<Result>): Promise<{ result: Result; ms: number; mb: number }> {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  const beganMs = hrtimeMs();
  const result = await work();
  clearInterval(timer);
  return { result, ms: hrtimeMs() - beganMs, mb: (most - before) / 2 ** 20 };
}

it(`audits ${ROWS} rows, and plans to clean them up, in little memory`, async () => {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  await writeLargeJournal(folder);
  const common = {
    hostName: 'contoso-dps.azure-devices-provisioning.net',
    clock: systemClock(hrtimeMs()),
    isStopped: () => false,
  };
  const audit = await measured(() =>
    auditRun({ ...common, folder, source: service, groups: null, allowExtra: false, onProgress: () => {} }),
  );
  expect(audit.result.summary?.rows).toMatchObject({ agrees: ROWS - 1, missing: 1 });
  const csvMb = statSync(join(folder, 'audit.csv')).size / 2 ** 20;
  console.log(
    `audit: ${audit.ms.toFixed(0)} ms, ${audit.mb.toFixed(0)} MB of memory, audit.csv ${csvMb.toFixed(0)} MB`,
  );
  expect(audit.mb).toBeLessThan(MEMORY_MAX_MB);

  const plan = await measured(async () => {
    const cleanup = await RunCleanup.open(folder);
    const planned = await cleanup.plan(service, common);
    await cleanup.close(true);
    return planned;
  });
  console.log(`cleanup, planned: ${plan.ms.toFixed(0)} ms, ${plan.mb.toFixed(0)} MB of memory`);
  expect(plan.result?.counts).toEqual({ delete: ROWS - 1, gone: 1, kept: 0 });
  expect(plan.mb).toBeLessThan(MEMORY_MAX_MB);
});
