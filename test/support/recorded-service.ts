import { join } from 'node:path';
import type { RecordSource } from '../../src/audit/read-records.ts';
import type { RegistrationStateBody } from '../../src/dps/payloads.ts';
import type { JournalRecord, OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { ServiceError } from '../../src/service-api/service-error.ts';
import { grantRecord, outcomeRecord, sessionOf, writeJournal } from './sample-journal.ts';

export const SERVICE_TARGET: SessionRecord['target'] = {
  kind: 'service',
  host: 'global.azure-devices-provisioning.net',
  port: 8883,
  idScope: '0ne00111111',
};

/** Writes the journal of a run at a service, in which every row is settled. */
export function writeRunAtService(
  folder: string,
  outcomes: readonly OutcomeRecord[],
  further: JournalRecord[] = [],
): void {
  writeJournal(join(folder, 'journal.ndjson'), [
    sessionOf(outcomes.length, { target: SERVICE_TARGET }),
    grantRecord(0, outcomes.length - 1),
    ...outcomes,
    ...further,
    { kind: 'end', atMs: 60_000, reason: 'completed', message: null },
  ]);
}

/** Of group `line-a`. */
export function assignedRows(count: number): OutcomeRecord[] {
  return Array.from({ length: count }, (_, row) => outcomeRecord(row, { group: 'line-a' }));
}

/** The record that the service has of an assigned device. */
export function recordOf(outcome: OutcomeRecord): RegistrationStateBody {
  return {
    registrationId: outcome.registrationId,
    createdDateTimeUtc: outcome.serviceCreatedAt ?? '',
    assignedHub: outcome.assignedHub ?? '',
    deviceId: outcome.deviceId ?? '',
    status: 'assigned',
    substatus: 'initialAssignment',
    lastUpdatedDateTimeUtc: outcome.serviceUpdatedAt ?? '',
    etag: `etag-${outcome.registrationId}`,
  };
}

/** Registration records in memory, all of one group, with what was asked for. */
export class RecordedService implements RecordSource {
  readonly records: Map<string, RegistrationStateBody>;
  readonly asked: string[] = [];
  readonly #pageItems: number;
  /** `null` = there is no group. */
  readonly #group: string | null;

  constructor(records: readonly RegistrationStateBody[], options: { pageItems?: number; group?: string | null } = {}) {
    this.records = new Map(records.map((record) => [record.registrationId, record]));
    this.#pageItems = options.pageItems ?? 1_000;
    this.#group = options.group === undefined ? 'line-a' : options.group;
  }

  async registration(registrationId: string): Promise<RegistrationStateBody | null> {
    this.asked.push(registrationId);
    return this.records.get(registrationId) ?? null;
  }

  async *registrationsOfGroup(groupId: string): AsyncGenerator<readonly RegistrationStateBody[]> {
    this.asked.push(`page of ${groupId}`);
    if (groupId !== this.#group) {
      const facts = { errorCode: 404_201, retryAfterMs: null, mayRepeat: false, isTransient: false };
      throw new ServiceError('no such group', { status: 404, ...facts });
    }
    const all = [...this.records.values()];
    for (let from = 0; from < Math.max(1, all.length); from += this.#pageItems) {
      if (from > 0) this.asked.push(`page of ${groupId}`);
      yield all.slice(from, from + this.#pageItems);
    }
  }

  async deleteRegistration(registrationId: string, etag: string | null): Promise<boolean> {
    const found = this.records.get(registrationId);
    this.asked.push(`delete ${registrationId}`);
    if (found !== undefined && etag !== null && found.etag !== etag) {
      const facts = { errorCode: 412_000, retryAfterMs: null, mayRepeat: false, isTransient: false };
      throw new ServiceError('ETag is invalid', { status: 412, ...facts });
    }
    return this.records.delete(registrationId);
  }
}
