import { hash } from 'node:crypto';
import type { Operation, RegistrationRecord } from './registration-record.ts';

/**
 * Operations of one device that can be polled: one that registers without a pause must not fill the memory for as long as an
 * operation lives. Devices poll their last operation, and no client is known that starts more than a few before.
 */
export const OPERATIONS_PER_DEVICE_MAX = 100;

/** Operations by ID, each forgotten at the end of its lifetime, or when its device has too many later ones. */
export class OperationStore {
  readonly #operations = new Map<string, Operation>();

  /** Operations come in the order of their expiry, unless the lifetime changes: then some are kept for longer than they can be polled. */
  add(operation: Operation, nowMs: number): void {
    this.#forgetExpired(nowMs);
    const { record } = operation;
    if (record.operations === OPERATIONS_PER_DEVICE_MAX) this.#forgetOldest(record);
    this.#operations.set(operation.operationId, operation);
    record.operations += 1;
    if (record.latestOperation !== null) record.latestOperation.next = operation;
    record.latestOperation = operation;
    record.oldestOperation ??= operation;
  }

  find(operationId: string, nowMs: number): Operation | null {
    const operation = this.#operations.get(operationId);
    return operation === undefined || operation.expiresAtMs <= nowMs ? null : operation;
  }

  /** Forgets those of a device. */
  forget(record: RegistrationRecord): void {
    while (record.oldestOperation !== null) this.#forgetOldest(record);
  }

  /** A map iterates in insertion order, which is the order of expiry, so what expires is the oldest operation of its device. */
  #forgetExpired(nowMs: number): void {
    for (const { record, expiresAtMs } of this.#operations.values()) {
      if (expiresAtMs > nowMs) return;
      this.#forgetOldest(record);
    }
  }

  #forgetOldest(record: RegistrationRecord): void {
    const oldest = record.oldestOperation;
    if (oldest === null) return;
    this.#operations.delete(oldest.operationId);
    record.operations -= 1;
    record.oldestOperation = oldest.next;
    if (oldest.next === null) record.latestOperation = null;
  }
}

/** Whether a device must wait: its oldest operation would have to go, and a webhook is still at work on it. */
export function isFull({ operations, oldestOperation }: RegistrationRecord): boolean {
  return operations === OPERATIONS_PER_DEVICE_MAX && oldestOperation?.assignment.result === null;
}

/** `5.{16 hex}.{GUID}`; the middle part is the same for all operations of a device, as in captures. */
export function operationId(idScope: string, registrationKey: string, guid: string): string {
  const device = hash('sha256', `${idScope}/${registrationKey}`).slice(0, 16);
  return `5.${device}.${guid}`;
}
