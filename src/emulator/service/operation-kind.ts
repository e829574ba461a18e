import { z } from 'zod';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { ASSIGNMENT_MEMBERS, assignmentOfLine, assignmentToLine } from './assignment-line.ts';
import type { InstanceTable } from './instance-table.ts';
import { OPERATION_MEMBERS, type OperationMembers } from './operation-members.ts';
import type { ReadOperations } from './read-operations.ts';
import type { Assignment, Operation, RegistrationRecord } from './registration-record.ts';
import { parseLine, type StateKind } from './state-kind.ts';
import { INTERRUPTED } from './webhook.ts';

const operationLine = z.object({
  kind: z.literal('operation'),
  idScope: z.string(),
  ...OPERATION_MEMBERS,
  ...ASSIGNMENT_MEMBERS,
});

export type OperationLine = z.output<typeof operationLine>;

export function operationMembersOf(operation: Operation): OperationMembers {
  const { operationId, expiresAtMs, reportsEverySubstatus } = operation;
  return { operationId, expiresAtMs, reportsEverySubstatus };
}

/** An operation whose device has registered again since: its latest one is told with the registration. */
export function operationToLine(idScope: string, operation: Operation): OperationLine {
  return { kind: 'operation', idScope, ...operationMembersOf(operation), ...assignmentToLine(operation.assignment) };
}

/** The operation that a record's own assignment belongs to; `null` = it can no longer be polled. */
export function operationOfRecord({ latestOperation, assignment }: RegistrationRecord): Operation | null {
  return latestOperation?.assignment === assignment ? latestOperation : null;
}

export function* operationsOf({ oldestOperation }: RegistrationRecord): Iterable<Operation> {
  for (let operation = oldestOperation; operation !== null; operation = operation.next) yield operation;
}

export function operationKind(instances: InstanceTable, read: ReadOperations): StateKind {
  return {
    kind: 'operation',
    apply: (line) => {
      const { kind: _, registrationId, result, readyAtMs, ...members } = parseLine(operationLine, line);
      read.add({ ...members, assignment: assignmentOfLine({ registrationId, result, readyAtMs }) });
    },
    complete: (nowMs) => {
      for (const { records } of instances.all) {
        for (const { assignment } of records.values()) endInterrupted(assignment, nowMs);
      }
      addOperations(instances, read, nowMs);
    },
    *lines() {
      for (const { idScope, records } of instances.all) {
        for (const record of records.values()) {
          const own = operationOfRecord(record);
          for (const operation of operationsOf(record)) {
            if (operation !== own) yield operationToLine(idScope, operation);
          }
        }
      }
    },
  };
}

function addOperations(instances: InstanceTable, read: ReadOperations, nowMs: number): void {
  const found = read.take().map(({ idScope, assignment, ...members }) => {
    const state = instances.get(idScope);
    const record = state?.records.get(foldRegistrationId(assignment.registrationId));
    return { members, state, record, assignment, isLatest: assignment === record?.assignment };
  });
  // Of those that expire in one millisecond, that of the record's own assignment was the last.
  found.sort(
    (one, other) =>
      one.members.expiresAtMs - other.members.expiresAtMs || Number(one.isLatest) - Number(other.isLatest),
  );
  for (const { members, state, record, assignment } of found) {
    if (state === null || record === undefined || members.expiresAtMs <= nowMs) continue;
    endInterrupted(assignment, nowMs);
    state.operations.add({ ...members, record, assignment, next: null }, nowMs);
  }
}

/** The webhook's answer can no longer come: the service does not call one twice, so this ends as if it had been unreachable. */
function endInterrupted(assignment: Assignment, nowMs: number): void {
  if (assignment.result !== null) return;
  assignment.result = INTERRUPTED;
  assignment.readyAtMs = nowMs;
}
