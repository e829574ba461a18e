import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeHubRecord,
  type HubCheckRecord,
  type HubJournalRecord,
  type HubSessionRecord,
  newHubSession,
} from '../../src/journal/hub-check-record.ts';
import { HUBS } from './sample-journal.ts';

const STARTED_AT = Date.UTC(2026, 0, 1, 12);

export function hubSession(changes: Partial<HubSessionRecord> = {}): HubSessionRecord {
  const hubs = HUBS.map((hub) => ({ hub, devices: 10, sampled: 2, perSecond: 50 }));
  const facts = { dpsloadVersion: '0.1.0', check: 'connect', share: 0.2, startedAtEpochMs: STARTED_AT, hubs } as const;
  return { ...newHubSession(facts), ...changes };
}

export function hubCheck(row: number, changes: Partial<HubCheckRecord> = {}): HubCheckRecord {
  const id = `dev-${String(row).padStart(6, '0')}`;
  return {
    kind: 'hub-check',
    row,
    registrationId: id,
    deviceId: id,
    hub: HUBS[row % HUBS.length] as string,
    result: 'passed',
    message: null,
    attempts: 1,
    startedAtMs: 10 * row,
    endedAtMs: 10 * row + 40,
    phases: { dnsMs: null, tcpMs: 2, tlsMs: 8, connackMs: 20 + row, subackMs: null, answerMs: null },
    ...changes,
  };
}

/** @param torn what follows the last whole line */
export function writeHubChecks(folder: string, records: readonly HubJournalRecord[], torn = ''): string {
  const file = join(folder, 'hub-checks.ndjson');
  writeFileSync(file, `${records.map((record) => `${encodeHubRecord(record)}\n`).join('')}${torn}`);
  return file;
}
