import { TIME_ROUNDING_MS, timeOf } from '../audit/clock-bounds.ts';
import type { EntryBody } from '../enroll/compare-entries.ts';
import { type EnrollFile, readEnrollFile } from '../enroll-folder/enroll-file.ts';
import { RowJournal } from '../enroll-folder/row-journal.ts';
import { type Removed, RemovedIds } from '../run-folder/cleanup-file.ts';
import type { Collection, ServiceClient } from '../service-api/service-client.ts';
import { deleteEntry } from './delete-entry.ts';
import { type RemovalCounts, RemovalPlan } from './removal-plan.ts';
import { type RemovalSession, removeEach } from './remove-each.ts';

type EntryClient = Pick<ServiceClient, 'find' | 'delete'>;

/** An entry that dpsload enroll created between these times of the service's clock; `null` = its journal does not say. */
type CreatedRow = {
  readonly id: string;
  /** `null` = it was one of several that were created at once, whose answer has no ETags. */
  readonly etag: string | null;
  readonly fromEpochMs: number | null;
  readonly toEpochMs: number | null;
};

/** Removes the enrollments, or the group, that dpsload enroll created from a folder that the caller holds. */
export class EnrollCleanup {
  readonly #folder: string;
  readonly facts: EnrollFile;
  readonly #created: readonly CreatedRow[];

  private constructor(folder: string, facts: EnrollFile, created: readonly CreatedRow[]) {
    this.#folder = folder;
    this.facts = facts;
    this.#created = created;
  }

  /** @throws OperatorError for a folder that is not one of dpsload enroll */
  static async open(folder: string): Promise<EnrollCleanup> {
    const facts = readEnrollFile(folder);
    const journal = await RowJournal.open(folder, false);
    await journal.close();
    const removed = await RemovedIds.read(folder);
    const what = whatOf(facts);
    const created = [...journal.results.values()]
      .filter(({ state, id }) => state === 'created' && !removed?.has({ what, id }, Date.parse(facts.startedAt)))
      .map(({ row, id, etag, serviceEpochMs }) => {
        return { id, etag, fromEpochMs: journal.begunAtEpochMs(row), toEpochMs: serviceEpochMs };
      });
    return new EnrollCleanup(folder, facts, created);
  }

  plan(): RemovalPlan {
    const plan = new RemovalPlan();
    for (const { id } of this.#created) plan.add(id, { state: 'delete' });
    return plan;
  }

  /** @returns how each ended; a stopped one leaves some out */
  remove(client: EntryClient, session: RemovalSession): Promise<RemovalCounts> {
    return removeEach(this.#folder, this.#created, (row) => this.#removeRow(row, client), session);
  }

  async #removeRow(row: CreatedRow, client: EntryClient): Promise<Removed> {
    const { id, etag } = row;
    const entry = { what: whatOf(this.facts), id };
    const collection: Collection = entry.what === 'enrollment' ? 'enrollments' : 'enrollmentGroups';
    if (etag !== null) return await deleteEntry(entry, () => client.delete(collection, id, etag));
    // The answer to a bulk operation has no ETags.
    const found: EntryBody | null = await client.find(collection, id);
    if (found === null) return { ...entry, state: 'gone', detail: null };
    const detail = changeOf(row, found);
    const { etag: foundEtag } = found;
    if (detail !== null || !foundEtag) return { ...entry, state: 'kept', detail: detail ?? 'it has no ETag' };
    return await deleteEntry(entry, () => client.delete(collection, id, foundEtag));
  }
}

/** `null` = it is as dpsload enroll created it. */
function changeOf(
  { fromEpochMs, toEpochMs }: CreatedRow,
  { createdDateTimeUtc, lastUpdatedDateTimeUtc }: EntryBody,
): string | null {
  const [createdMs, updatedMs] = [timeOf(createdDateTimeUtc), timeOf(lastUpdatedDateTimeUtc)];
  if (createdMs === null || updatedMs === null) return 'may have been changed since: it has no times';
  if (updatedMs !== createdMs) return `changed since: at ${lastUpdatedDateTimeUtc}`;
  if (fromEpochMs === null || toEpochMs === null) return 'the journal does not say when it was created';
  const isOurs = createdMs >= fromEpochMs && createdMs <= toEpochMs + TIME_ROUNDING_MS;
  return isOurs ? null : `not created by this command: created at ${createdDateTimeUtc}`;
}

function whatOf({ groupId }: EnrollFile): 'enrollment' | 'enrollment-group' {
  return groupId === null ? 'enrollment' : 'enrollment-group';
}
