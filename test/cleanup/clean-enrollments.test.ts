import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EnrollCleanup } from '../../src/cleanup/clean-enrollments.ts';
import type { RowResult } from '../../src/enroll/row-result.ts';
import { writeEnrollFile } from '../../src/enroll-folder/enroll-file.ts';
import { CLEANUP_FILE } from '../../src/run-folder/cleanup-file.ts';
import { ServiceClient } from '../../src/service-api/service-client.ts';
import { ServiceRequests } from '../../src/service-api/service-requests.ts';
import { EmulatedServiceApi, SERVICE_CONNECTION } from '../support/emulated-service-api.ts';
import { readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const root = temporaryFolder();

function clientOf(service: EmulatedServiceApi, clock: VirtualClock): ServiceClient {
  const { exchange } = service;
  const connection = SERVICE_CONNECTION;
  const options = { connection, exchange, clock, operationsPerMinute: 900, nextRandom: () => 0.5, userAgent: 'test' };
  return new ServiceClient(new ServiceRequests(options));
}

/** The folder of a dpsload enroll that began now. */
async function enrollFolder(clock: VirtualClock, rows: readonly Pick<RowResult, 'id' | 'state' | 'etag'>[]) {
  const folder = mkdtempSync(join(root, 'enroll-'));
  await writeEnrollFile(folder, {
    ...{ version: 1, dpsloadVersion: '0.1.0', startedAt: new Date(clock.epochMs()).toISOString() },
    ...{ serviceStartedAtEpochMs: clock.epochMs(), hostName: SERVICE_CONNECTION.hostName, action: 'create' },
    ...{ updates: false, groupId: null, list: { file: 'fleet.csv', sha256: 'ab'.repeat(32) }, rows: rows.length },
    ...{ flags: {}, scenarioFile: null, groupCaFile: null, settingsSha256: 'ab'.repeat(32) },
  });
  const serviceEpochMs = clock.epochMs();
  const ended = { differences: [], failure: null, isPassing: false, serviceEpochMs };
  const lines = [
    { begun: rows.map((_, place) => place), serviceEpochMs },
    ...rows.map((row, place) => ({ row: place, ...row, ...ended })),
  ];
  writeFileSync(join(folder, 'enroll-journal.ndjson'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return folder;
}

it('deletes the enrollments that dpsload enroll created, and keeps what was there before or was changed since', async () => {
  const clock = new VirtualClock();
  const service = new EmulatedServiceApi({ clock });
  const client = clientOf(service, clock);
  service.plant('before', {});
  clock.jumpTo(60_000);
  for (const id of ['known', 'known-changed', 'bulk', 'bulk-changed', 'bulk-anew']) service.plant(id, {});
  const etagOf = (id: string): string | null => service.find(id)?.etag ?? null;
  const folder = await enrollFolder(clock, [
    { id: 'before', state: 'exists-same', etag: etagOf('before') },
    { id: 'known', state: 'created', etag: etagOf('known') },
    { id: 'known-changed', state: 'created', etag: etagOf('known-changed') },
    { id: 'bulk', state: 'created', etag: null },
    { id: 'bulk-changed', state: 'created', etag: null },
    { id: 'bulk-anew', state: 'created', etag: null },
    { id: 'gone', state: 'created', etag: 'some' },
  ]);
  clock.jumpTo(120_000);
  for (const id of ['known-changed', 'bulk-changed']) service.plant(id, { provisioningStatus: 'disabled' });
  // Somebody else deleted it, and created it once more.
  service.collections.enrollments.delete('bulk-anew');
  service.plant('bulk-anew', {});

  const cleanup = await EnrollCleanup.open(folder);
  expect(cleanup.plan()).toMatchObject({ counts: { delete: 6 }, examples: ['known', 'known-changed', 'bulk'] });
  const removal = cleanup.remove(client, { clock, isStopped: () => false });
  let isOver = false;
  void removal.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise(setImmediate);
    clock.step();
  }
  expect(await removal).toEqual({ deleted: 2, gone: 1, kept: 3, failed: 0 });
  expect([...service.collections.enrollments.keys()].sort()).toEqual([
    'before',
    'bulk-anew',
    'bulk-changed',
    'known-changed',
  ]);
  expect(
    readResultRows(join(folder, CLEANUP_FILE))
      .map(({ id, state }) => `${id} ${state}`)
      .sort(),
  ).toEqual([
    'bulk deleted',
    'bulk-anew kept',
    'bulk-changed kept',
    'gone gone',
    'known deleted',
    'known-changed kept',
  ]);
  // Only what is still there is tried again.
  expect((await EnrollCleanup.open(folder)).plan().examples).toEqual(['known-changed', 'bulk-changed', 'bulk-anew']);
});
