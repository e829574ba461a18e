import { type AuditedDevice, devicesOf, endedAtMs } from '../audit/audited-device.ts';
import { countInGroup, type RecordSource, readRecords } from '../audit/read-records.ts';
import { RecordLog } from '../audit/record-log.ts';
import { type RunOutcomes, readRunOutcomes } from '../results/run-outcomes.ts';
import { CLEANUP_RECORDS, type Removed, RemovedIds } from '../run-folder/cleanup-file.ts';
import type { ServiceClient } from '../service-api/service-client.ts';
import { deleteEntry } from './delete-entry.ts';
import { recordRemoval, wasCreatedByRun } from './record-removal.ts';
import { type RemovalCounts, RemovalPlan } from './removal-plan.ts';
import { type RemovalSession, removeEach } from './remove-each.ts';

type CleanupSession = RemovalSession & { readonly hostName: string };

/** Removes the registration records that a run created, in a folder that the caller holds. */
export class RunCleanup {
  readonly #folder: string;
  readonly #run: RunOutcomes;
  /** By an earlier clean-up. */
  readonly #removed: RemovedIds | null;
  #log: RecordLog | null = null;

  private constructor(folder: string, run: RunOutcomes, removed: RemovedIds | null) {
    this.#folder = folder;
    this.#run = run;
    this.#removed = removed;
  }

  static async open(folder: string): Promise<RunCleanup> {
    return new RunCleanup(folder, await readRunOutcomes(folder), await RemovedIds.read(folder));
  }

  /** Reads the records, and says what would be done with them. @returns `null` = it was stopped; what was read is kept */
  async plan(source: RecordSource, session: CleanupSession): Promise<RemovalPlan | null> {
    const log = await RecordLog.open(this.#folder, CLEANUP_RECORDS, session);
    this.#log = log;
    const groups = new Map<string, number>();
    for await (const device of this.#devices()) countInGroup(groups, device);
    const devices = () => this.#devices();
    if (!(await readRecords({ source, log, groups, devices, isStopped: session.isStopped }))) return null;
    const plan = new RemovalPlan();
    for await (const device of this.#devices()) {
      plan.add(device.registrationId, recordRemoval(device, await log.find(device.registrationId)));
    }
    return plan;
  }

  /** Whether the service has no record of the run, and no earlier clean-up deleted any. */
  foundNothing({ counts }: RemovalPlan): boolean {
    return counts.gone > 0 && counts.delete + counts.kept === 0 && !this.#removed?.hasDeleted;
  }

  /** Does what the plan says, each record by the ETag that was read. @returns how each ended; a stopped one leaves some out */
  remove(client: Pick<ServiceClient, 'deleteRegistration'>, session: RemovalSession): Promise<RemovalCounts> {
    return removeEach(this.#folder, this.#devices(), (device) => this.#removeRecord(device, client), session);
  }

  /** @param isDone whether what was read is of no more use */
  async close(isDone: boolean): Promise<void> {
    if (isDone) await this.#log?.discard();
    else await this.#log?.close();
  }

  async #removeRecord(device: AuditedDevice, client: Pick<ServiceClient, 'deleteRegistration'>): Promise<Removed> {
    const { registrationId: id } = device;
    const entry = { what: 'registration', id } as const;
    const removal = recordRemoval(device, (await this.#log?.find(id)) ?? null);
    if (removal.state === 'gone') return { ...entry, state: 'gone', detail: null };
    if (removal.state === 'kept') return { ...entry, state: 'kept', detail: removal.detail };
    return await deleteEntry(entry, () => client.deleteRegistration(id, removal.etag));
  }

  /** Those whose record the run created, and that no earlier clean-up has removed since. */
  async *#devices(): AsyncGenerator<AuditedDevice> {
    const { survey, outcomes } = this.#run;
    for await (const device of devicesOf(outcomes())) {
      if (!wasCreatedByRun(device, survey.first.startedAtEpochMs)) continue;
      const entry = { what: 'registration', id: device.registrationId } as const;
      const isRemoved = this.#removed?.has(entry, endedAtMs(device)) ?? false;
      if (!isRemoved) yield device;
    }
  }
}
