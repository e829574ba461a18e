import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { DpsInstance, Enrollment, IndividualEnrollment } from './dps-instance.ts';
import { IdentityQueue } from './identity-queue.ts';
import { OperationStore } from './operation-store.ts';
import { QuotaState } from './quotas.ts';
import type { Assignment, RegistrationRecord } from './registration-record.ts';

/** What one instance has learnt since it started. Registration IDs are folded wherever they are keys. */
export class InstanceState {
  readonly records = new Map<string, RegistrationRecord>();
  readonly operations = new OperationStore();
  readonly identities = new IdentityQueue();
  readonly quotas: QuotaState;
  readonly #individualEnrollments: ReadonlyMap<string, IndividualEnrollment>;

  constructor(instance: DpsInstance) {
    this.quotas = new QuotaState(instance.quotas);
    this.#individualEnrollments = new Map(
      instance.individualEnrollments.map((enrollment) => [foldRegistrationId(enrollment.registrationId), enrollment]),
    );
  }

  individualEnrollment(key: string): IndividualEnrollment | null {
    return this.#individualEnrollments.get(key) ?? null;
  }

  /** Creates the record, or updates it; the moment of creation stays. */
  update(registrationId: string, enrollment: Enrollment, assignment: Assignment, nowMs: number): RegistrationRecord {
    const key = foldRegistrationId(registrationId);
    const known = this.records.get(key);
    if (known === undefined) {
      // Each member by its own name: a million spread objects take 30 MB more.
      const record = {
        registrationId,
        createdAtMs: nowMs,
        registeredAtMs: nowMs,
        enrollment,
        assignment,
        hub: null,
        initialTwin: null,
        registers: 1,
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
