import type { RegistrationStateBody } from '../dps/payloads.ts';
import type { ServiceClient } from '../service-api/service-client.ts';
import { ServiceError } from '../service-api/service-error.ts';
import type { AuditedDevice } from './audited-device.ts';
import type { RecordLog } from './record-log.ts';

/** Where records are read from. */
export type RecordSource = Pick<ServiceClient, 'registration' | 'registrationsOfGroup'>;

export type RecordReading = {
  readonly source: RecordSource;
  readonly log: RecordLog;
  /** Enrollment groups to ask for, with the number of devices of the run in each. */
  readonly groups: ReadonlyMap<string, number>;
  /** Those whose records are needed. */
  readonly devices: () => AsyncIterable<AuditedDevice>;
  readonly isStopped: () => boolean;
};

/** One answer takes well below a second; so many keep to the quota of 1,000 operations a minute. */
const CONCURRENCY = 16;

/**
 * Reads the records of devices: of whole groups, as long as that takes fewer requests than to ask for each device, then one by one. Skips what
 * the log has already.
 *
 * @returns whether every record was read; `false` = stopped
 * @throws ServiceError
 */
export async function readRecords(reading: RecordReading): Promise<boolean> {
  const { groups, log, isStopped } = reading;
  const read = new Set(log.groups.map(({ group }) => group));
  for (const [group, devices] of groups) {
    if (isStopped()) return false;
    if (!read.has(group)) await readGroup(group, devices, reading);
  }
  await readSingly(reading);
  return !isStopped();
}

/** A group may have many more records than the run has devices: then single requests are cheaper from some page on. */
async function readGroup(group: string, devices: number, { source, log, isStopped }: RecordReading): Promise<void> {
  let pages = 0;
  try {
    for await (const page of source.registrationsOfGroup(group)) {
      await log.add(page);
      pages += 1;
      if (isStopped()) return;
      if (pages > devices) break;
    }
  } catch (error) {
    if (!(error instanceof ServiceError) || !NO_SUCH_GROUP.includes(error.status ?? 0)) throw error;
    pages = Number.POSITIVE_INFINITY;
  }
  await log.addGroup({ kind: 'group', group, isComplete: pages <= devices });
}

/** Answers to a name that is not that of an enrollment group, which a fleet may give its groups too. */
const NO_SUCH_GROUP: readonly number[] = [400, 404, 405];

async function readSingly({ source, log, devices, isStopped }: RecordReading): Promise<void> {
  const unread = unreadIds(devices(), log);
  const readNext = async (): Promise<boolean> => {
    if (isStopped()) return false;
    const next = await unread.next();
    if (next.done) return false;
    const record: RegistrationStateBody | null = await source.registration(next.value);
    // Under the ID that was asked for: that is what is looked up later.
    if (record === null) await log.addMissing(next.value);
    else await log.add([{ ...record, registrationId: next.value }]);
    return true;
  };
  try {
    await inTurn(readNext, CONCURRENCY);
  } finally {
    // After a stop, it still holds the journal open.
    await unread.return(undefined);
  }
}

async function* unreadIds(devices: AsyncIterable<AuditedDevice>, log: RecordLog): AsyncGenerator<string, undefined> {
  for await (const { registrationId } of devices) {
    if (registrationId !== '' && !log.wasRead(registrationId)) yield registrationId;
  }
}

/**
 * Repeats `work` until it says that nothing is left, several at a time. The first goes alone: if the service refuses the credentials, it is asked
 * only once.
 *
 * @throws the first error, after what is in progress has ended
 */
export async function inTurn(work: () => Promise<boolean>, concurrency: number): Promise<void> {
  let isOver = !(await work());
  const repeat = async (): Promise<void> => {
    try {
      while (!isOver) if (!(await work())) isOver = true;
    } finally {
      isOver = true;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, repeat));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
