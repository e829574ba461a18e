import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { Enrollment, EnrollmentGroup, IndividualEnrollment } from './dps-instance.ts';
import { entityTag } from './entity-tag.ts';

/** One state of an enrollment. A change puts another in its place. */
export type StoredEnrollment<Kind extends Enrollment = Enrollment> = {
  readonly enrollment: Kind;
  /** The store's revision that began with this state. */
  readonly revision: number;
  /** The store's revision in which the enrollment was created. The list is in this order, so a page may begin after one of them. */
  readonly createdInRevision: number;
  readonly createdAtMs: number;
  readonly lastUpdatedAtMs: number;
};

/** Tells this state of the enrollment from all others. Made when it is asked for: most enrollments of a large file never are. */
export function etagOf({ enrollment, revision, lastUpdatedAtMs }: StoredEnrollment): string {
  return entityTag('enrollment', `${enrollment.kind}\n${idOf(enrollment)}\n${revision}`, lastUpdatedAtMs);
}

/** The name by which the service knows the enrollment. */
export function idOf(enrollment: Enrollment): string {
  return enrollment.kind === 'group' ? enrollment.enrollmentGroupId : enrollment.registrationId;
}

/** The enrollments of one instance. */
export class EnrollmentStore {
  #revision = 0;
  readonly individuals = new EnrollmentTable<IndividualEnrollment>(() => this.revise());
  readonly groups = new EnrollmentTable<EnrollmentGroup>(() => this.revise());

  /** Whoever has found an enrollment need not search again as long as this stays the same. */
  get revision(): number {
    return this.#revision;
  }

  /** Begins a new revision: with each change, and when something else changes on which attestation depends. Returns its number. */
  revise(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** @param enrollment is in the store, or was. Returns its present state; `null` = it is there no more. */
  storedOf(enrollment: Enrollment): StoredEnrollment | null {
    return enrollment.kind === 'group'
      ? this.groups.get(enrollment.enrollmentGroupId)
      : this.individuals.get(enrollment.registrationId);
  }
}

/** Enrollments of one kind by their IDs, whose case does not matter. */
class EnrollmentTable<Kind extends Enrollment> {
  readonly #revise: () => number;
  readonly #stored = new Map<string, StoredEnrollment<Kind>>();
  /** `null` = it has changed since it was last asked for. */
  #list: readonly StoredEnrollment<Kind>[] | null = null;

  constructor(revise: () => number) {
    this.#revise = revise;
  }

  get size(): number {
    return this.#stored.size;
  }

  get(id: string): StoredEnrollment<Kind> | null {
    return this.#stored.get(foldRegistrationId(id)) ?? null;
  }

  /** In the order in which they were created; a change keeps the place. */
  list(): readonly StoredEnrollment<Kind>[] {
    this.#list ??= [...this.#stored.values()];
    return this.#list;
  }

  /** Creates the enrollment, or replaces the one with its ID. It counts from the next request on. */
  put(enrollment: Kind, nowMs: number): StoredEnrollment<Kind> {
    const key = foldRegistrationId(idOf(enrollment));
    const revision = this.#revise();
    const { createdInRevision = revision, createdAtMs = nowMs } = this.#stored.get(key) ?? {};
    const stored = { enrollment, revision, createdInRevision, createdAtMs, lastUpdatedAtMs: nowMs };
    this.#stored.set(key, stored);
    this.#list = null;
    return stored;
  }

  /** Registration records stay. Returns whether there was such an enrollment. */
  delete(id: string): boolean {
    const isDeleted = this.#stored.delete(foldRegistrationId(id));
    if (!isDeleted) return false;
    this.#revise();
    this.#list = null;
    return true;
  }

  /** Applies to the store what differs between two lists; enrollments that are the same in both stay as they are. */
  applyDifference(before: readonly Kind[], after: readonly Kind[], nowMs: number): void {
    const previous = new Map(before.map((enrollment) => [foldRegistrationId(idOf(enrollment)), enrollment]));
    for (const enrollment of after) {
      const key = foldRegistrationId(idOf(enrollment));
      const known = previous.get(key);
      previous.delete(key);
      if (known === undefined || !isSame(known, enrollment)) this.put(enrollment, nowMs);
    }
    for (const gone of previous.values()) this.delete(idOf(gone));
  }

  /** Makes these the only ones; those that are the same stay as they are. */
  restore(enrollments: readonly Kind[], nowMs: number): void {
    this.applyDifference(
      this.list().map(({ enrollment }) => enrollment),
      enrollments,
      nowMs,
    );
  }
}

/** Whether two values of a configuration say the same. JSON writes certificates as PEM. */
export function isSame(before: unknown, after: unknown): boolean {
  return before === after || JSON.stringify(before) === JSON.stringify(after);
}
