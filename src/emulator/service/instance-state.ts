import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { DpsInstance, Enrollment, IndividualEnrollment, LinkedHub } from './dps-instance.ts';
import { OperationStore } from './operation-store.ts';
import { QuotaState } from './quotas.ts';
import type { Assignment, RegistrationRecord } from './registration-record.ts';

/** Everything that one instance has learned since it started. Registration IDs are folded wherever they are keys. */
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
