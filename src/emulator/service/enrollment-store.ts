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

/** What there is under one ID, and what the configuration says there should be; `null` = nothing. */
export type EnrollmentEntry = {
  readonly of: Enrollment['kind'];
  readonly id: string;
  readonly configured: Enrollment | null;
  readonly stored: StoredEnrollment | null;
};

/** The enrollments of one instance. */
export class EnrollmentStore {
  /** Told of each change; `null` = nobody keeps them. */
  onChange: ((entry: EnrollmentEntry) => void) | null = null;
  #revision = 0;
  readonly individuals = new EnrollmentTable<IndividualEnrollment>('individual', this);
  readonly groups = new EnrollmentTable<EnrollmentGroup>('group', this);

  /** Whoever has found an enrollment need not search again as long as this stays the same. */
  get revision(): number {
    return this.#revision;
  }

  /** Begins a new revision: with each change, and when something else changes on which attestation depends. Returns its number. */
  revise(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** Goes on behind a revision of an earlier process. */
  reviseFrom(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }
}

/** Enrollments of one kind by their IDs, whose case does not matter. */
export class EnrollmentTable<Kind extends Enrollment> {
  readonly #of: Kind['kind'];
  readonly #store: EnrollmentStore;
  #stored = new Map<string, StoredEnrollment<Kind>>();
  #configured: ReadonlyMap<string, Kind> = new Map();
  /** `null` = it has changed since it was last asked for. */
  #list: readonly StoredEnrollment<Kind>[] | null = null;

  constructor(of: Kind['kind'], store: EnrollmentStore) {
    this.#of = of;
    this.#store = store;
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
    const revision = this.#store.revise();
    const { createdInRevision = revision, createdAtMs = nowMs } = this.#stored.get(key) ?? {};
    const stored = { enrollment, revision, createdInRevision, createdAtMs, lastUpdatedAtMs: nowMs };
    this.#stored.set(key, stored);
    this.#list = null;
    this.#tell(key, idOf(enrollment));
    return stored;
  }

  /** Registration records stay. Returns whether there was such an enrollment. */
  delete(id: string): boolean {
    const key = foldRegistrationId(id);
    if (!this.#stored.delete(key)) return false;
    this.#store.revise();
    this.#list = null;
    this.#tell(key, id);
    return true;
  }

  /** What the configuration has, by folded ID. */
  get configured(): ReadonlyMap<string, Kind> {
    return this.#configured;
  }

  /** Applies what differs from the previous configuration; enrollments that are the same in both stay as they are. */
  configure(enrollments: readonly Kind[], nowMs: number): void {
    const previous = new Map(this.#configured);
    this.#configured = new Map(enrollments.map((enrollment) => [foldRegistrationId(idOf(enrollment)), enrollment]));
    for (const [key, enrollment] of this.#configured) {
      const known = previous.get(key);
      previous.delete(key);
      if (known === undefined || !isSame(known, enrollment)) this.put(enrollment, nowMs);
    }
    for (const [key, gone] of previous) {
      // Even if it had been deleted before: if the configuration has it again one day, it is a new one.
      if (!this.delete(idOf(gone))) this.#tell(key, idOf(gone));
    }
  }

  /** Puts everything back to the configuration; enrollments that are as configured stay as they are. */
  restore(nowMs: number): void {
    for (const [key, { enrollment }] of this.#stored) if (!this.#configured.has(key)) this.delete(idOf(enrollment));
    for (const [key, enrollment] of this.#configured) {
      if (!isSame(this.#stored.get(key)?.enrollment, enrollment)) this.put(enrollment, nowMs);
    }
  }

  /** Takes over what an earlier process had, in the order of creation. */
  enter(enrollments: Iterable<StoredEnrollment<Kind>>): void {
    const keyed = [...enrollments].map((each) => [foldRegistrationId(idOf(each.enrollment)), each] as const);
    this.#stored = new Map(keyed.sort(([, one], [, other]) => one.createdInRevision - other.createdInRevision));
    this.#list = null;
  }

  /** All that there is, and what the configuration has but was deleted. */
  *entries(): Iterable<EnrollmentEntry> {
    for (const [key, { enrollment }] of this.#stored) yield this.#entry(key, idOf(enrollment));
    for (const [key, enrollment] of this.#configured) {
      if (!this.#stored.has(key)) yield this.#entry(key, idOf(enrollment));
    }
  }

  #tell(key: string, id: string): void {
    this.#store.onChange?.(this.#entry(key, id));
  }

  #entry(key: string, id: string): EnrollmentEntry {
    return {
      of: this.#of,
      id,
      configured: this.#configured.get(key) ?? null,
      stored: this.#stored.get(key) ?? null,
    };
  }
}

/** Whether two values of a configuration say the same. JSON writes certificates as PEM. */
export function isSame(before: unknown, after: unknown): boolean {
  return before === after || JSON.stringify(before) === JSON.stringify(after);
}
