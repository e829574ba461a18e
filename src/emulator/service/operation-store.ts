import type { Assignment, RegistrationRecord } from './registration-record.ts';

/** One register request that was accepted, as its polls see it. */
export type Operation = {
  readonly operationId: string;
  readonly record: RegistrationRecord;
  readonly assignment: Assignment;
  /** `false`: the device speaks an api-version that knows `initialAssignment` only. */
  readonly reportsEverySubstatus: boolean;
  readonly expiresAtMs: number;
};

/** Operations by ID, each forgotten when its lifetime has passed. */
export class OperationStore {
  readonly #operations = new Map<string, Operation>();

  /** Operations must be added in the order of their expiry. */
  add(operation: Operation, nowMs: number): void {
    this.#forgetExpired(nowMs);
    this.#operations.set(operation.operationId, operation);
  }

  find(operationId: string, nowMs: number): Operation | null {
    const operation = this.#operations.get(operationId);
    return operation === undefined || operation.expiresAtMs <= nowMs ? null : operation;
  }

  /** A map iterates in the order of insertion, which is that of expiry. */
  #forgetExpired(nowMs: number): void {
    for (const [id, { expiresAtMs }] of this.#operations) {
      if (expiresAtMs > nowMs) return;
      this.#operations.delete(id);
    }
  }
}
