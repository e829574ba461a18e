import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { OperationMembers } from './operation-members.ts';
import type { Assignment } from './registration-record.ts';

type ReadOperation = OperationMembers & { readonly idScope: string; readonly assignment: Assignment };

/** Operations that were read and are not in the state yet: there, they are in the order of their expiry. */
export class ReadOperations {
  /** By operation ID, each with the number of times that the record of its device had been deleted before. */
  readonly #operations = new Map<string, { readonly operation: ReadOperation; readonly deletions: number }>();
  /** How often the record of a device has been deleted. */
  readonly #deletions = new Map<string, number>();

  add(operation: ReadOperation): void {
    const deletions = this.#deletionsOf(keyOf(operation.idScope, operation.assignment.registrationId));
    this.#operations.set(operation.operationId, { operation, deletions });
  }

  /** Forgets those of a device. */
  forget(idScope: string, registrationId: string): void {
    const key = keyOf(idScope, registrationId);
    this.#deletions.set(key, this.#deletionsOf(key) + 1);
  }

  /** Those that were not forgotten. They are not here any more. */
  take(): ReadOperation[] {
    const kept = [...this.#operations.values()].filter(({ operation, deletions }) => {
      return deletions === this.#deletionsOf(keyOf(operation.idScope, operation.assignment.registrationId));
    });
    this.#operations.clear();
    this.#deletions.clear();
    return kept.map(({ operation }) => operation);
  }

  #deletionsOf(key: string): number {
    return this.#deletions.get(key) ?? 0;
  }
}

function keyOf(idScope: string, registrationId: string): string {
  return `${idScope}/${foldRegistrationId(registrationId)}`;
}
