import { foldRegistrationId } from '../../dps/registration-id.ts';
import { deletedRecordLine } from './deleted-record-line.ts';
import type { DpsInstance, Enrollment, InstanceSettings, LinkedHub } from './dps-instance.ts';
import { enrollmentToLine } from './enrollment-line.ts';
import { EnrollmentStore, isSame } from './enrollment-store.ts';
import { OperationStore } from './operation-store.ts';
import { QuotaState } from './quotas.ts';
import type { Assignment, RegistrationRecord } from './registration-record.ts';
import type { StateLine } from './state-kind.ts';

/** One instance as it is now, and what it has learned since it started. Registration IDs are folded wherever they are keys. */
export class InstanceState {
  readonly records = new Map<string, RegistrationRecord>();
  readonly enrollments = new EnrollmentStore();
  operations = new OperationStore();
  identities = new IdentityQueue();
  quotas: QuotaState;
  /** What it is told by its configuration, apart from the enrollments. Another object after each change. */
  settings: InstanceSettings;
  #configured: DpsInstance;
  readonly #changes: StateLine[] | null;

  /** @param changes gets what changes from now on; `null` = nobody keeps it */
  constructor(instance: DpsInstance, nowMs: number, changes: StateLine[] | null) {
    this.#configured = instance;
    this.settings = instance;
    this.quotas = new QuotaState(instance.quotas);
    this.#changes = changes;
    this.configure(instance, nowMs);
    if (changes === null) return;
    this.enrollments.onChange = (entry) => {
      changes.push(enrollmentToLine(instance.idScope, entry, this.enrollments.revision));
    };
  }

  get idScope(): string {
    return this.#configured.idScope;
  }

  /** Applies what differs from the previous configuration. Enrollments that did not come from there stay. */
  configure(instance: DpsInstance, nowMs: number): void {
    const before = this.#configured;
    this.#configured = instance;
    this.settings = instance;
    const { individuals, groups } = this.enrollments;
    individuals.configure(instance.individualEnrollments, nowMs);
    groups.configure(instance.enrollmentGroups, nowMs);
    if (!isSame(before.quotas, instance.quotas)) this.quotas = new QuotaState(instance.quotas);
    if (!isSame(before.caCertificates, instance.caCertificates)) this.enrollments.revise();
  }

  /** Lets nobody in: the instance is no longer configured. What it knows of its devices stays. */
  close(nowMs: number): void {
    this.configure({ ...this.#configured, individualEnrollments: [], enrollmentGroups: [] }, nowMs);
    this.enrollments.individuals.restore(nowMs);
    this.enrollments.groups.restore(nowMs);
  }

  /** Forgets all devices, and puts the enrollments back to the configuration. */
  reset(nowMs: number): void {
    this.records.clear();
    this.operations = new OperationStore();
    this.identities = new IdentityQueue();
    this.quotas = new QuotaState(this.settings.quotas);
    this.enrollments.individuals.restore(nowMs);
    this.enrollments.groups.restore(nowMs);
  }

  /** The records of an enrollment group, in the order of first registration. A group that was deleted still has its records. */
  *recordsOfGroup(groupId: string): Iterable<RegistrationRecord> {
    const key = foldRegistrationId(groupId);
    for (const record of this.records.values()) {
      const { enrollment } = record;
      if (enrollment.kind === 'group' && foldRegistrationId(enrollment.enrollmentGroupId) === key) yield record;
    }
  }

  /** Deletes the record of a device, and the operations that belong to it. */
  deleteRecord(registrationId: string): void {
    const key = foldRegistrationId(registrationId);
    const record = this.records.get(key);
    if (record === undefined) return;
    this.records.delete(key);
    this.operations.forget(record);
    this.#changes?.push(deletedRecordLine(this.idScope, registrationId));
  }

  /** Creates or updates the record; its creation time stays. */
  update(enrollment: Enrollment, assignment: Assignment, nowMs: number): RegistrationRecord {
    const key = foldRegistrationId(assignment.registrationId);
    const known = this.records.get(key);
    if (known === undefined) {
      // Every member is spelled out: a million spread objects would take 30 MB more.
      const record = {
        createdAtMs: nowMs,
        registeredAtMs: nowMs,
        enrollment,
        assignment,
        hub: null,
        initialTwin: null,
        registers: 1,
        oldestOperation: null,
        latestOperation: null,
        operations: 0,
      };
      this.records.set(key, record);
      return record;
    }
    known.registeredAtMs = nowMs;
    known.enrollment = enrollment;
    known.assignment = assignment;
    known.registers += 1;
    return known;
  }
}

/**
 * A hub creates a limited number of device identities a minute (100 per unit in the smaller tiers); a faster fleet waits in
 * `assigning`. Each hub has a queue, of which each identity takes `perMs / limit`.
 */
class IdentityQueue {
  readonly #freeAtMs = new Map<string, number>();

  /** When the hub will have created an identity that is requested now. */
  createdAtMs({ hostName, identityLimit }: LinkedHub, nowMs: number): number {
    if (identityLimit === null) return nowMs;
    const createdAtMs = Math.max(nowMs, this.#freeAtMs.get(hostName) ?? 0);
    this.#freeAtMs.set(hostName, createdAtMs + identityLimit.perMs / identityLimit.limit);
    return createdAtMs;
  }
}
