import { eachInTurn } from '../service-api/each-in-turn.ts';
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

/** More groups than an instance may have of one kind are no enrollment groups. */
const GROUPS_MAX = 100;

/** Counts a device in `RecordReading.groups`, which grows no longer once it is of no use. */
export function countInGroup(groups: Map<string, number>, { group }: Pick<AuditedDevice, 'group'>): void {
  if (group !== null && groups.size <= GROUPS_MAX) groups.set(group, (groups.get(group) ?? 0) + 1);
}

/**
 * Reads the records of devices: of whole groups, as long as that takes fewer requests than to ask for each device, then one by one. Skips what
 * the log has already.
 *
 * @returns whether every record was read; `false` = stopped
 * @throws ServiceError
 */
export async function readRecords(reading: RecordReading): Promise<boolean> {
  const { log, isStopped } = reading;
  const groups = reading.groups.size > GROUPS_MAX ? [] : reading.groups;
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
  let [pages, records] = [0, 0];
  try {
    for await (const page of source.registrationsOfGroup(group)) {
      await log.add(page);
      pages += 1;
      records += page.length;
      if (isStopped()) return;
      if (pages > devices) break;
    }
  } catch (error) {
    if (!(error instanceof ServiceError) || !NO_SUCH_GROUP.includes(error.status ?? 0)) throw error;
    pages = Number.POSITIVE_INFINITY;
  }
  await log.addGroup({ kind: 'group', group, isComplete: pages <= devices, records });
}

/** Answers to a name that is not that of an enrollment group, which a fleet may give its groups too. */
const NO_SUCH_GROUP: readonly number[] = [400, 404, 405];

async function readSingly({ source, log, devices, isStopped }: RecordReading): Promise<void> {
  const readOne = async (registrationId: string): Promise<void> => {
    const record = await source.registration(registrationId);
    // Under the ID that was asked for: that is what is looked up later.
    if (record === null) await log.addMissing(registrationId);
    else await log.add([{ ...record, registrationId }]);
  };
  await eachInTurn(unreadIds(devices(), log), readOne, isStopped);
}

async function* unreadIds(devices: AsyncIterable<AuditedDevice>, log: RecordLog): AsyncGenerator<string> {
  for await (const { registrationId } of devices) {
    if (registrationId !== '' && !log.wasRead(registrationId)) yield registrationId;
  }
}
