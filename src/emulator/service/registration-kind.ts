import { z } from 'zod';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import { ASSIGNMENT_MEMBERS, assignmentOfLine, assignmentToLine, twin } from './assignment-line.ts';
import type { InstanceTable } from './instance-table.ts';
import { operationMembersOf, operationOfRecord, operationsOf, operationToLine } from './operation-kind.ts';
import { OPERATION_MEMBERS } from './operation-members.ts';
import type { ReadOperations } from './read-operations.ts';
import type { Assignment, RegisteredEnrollment, RegistrationRecord } from './registration-record.ts';
import { parseLine, type StateKind, type StateLine } from './state-kind.ts';

const registrationLine = z.object({
  kind: z.literal('registration'),
  idScope: z.string(),
  ...ASSIGNMENT_MEMBERS,
  /** `null` = an individual enrollment. */
  enrollmentGroupId: z.string().nullable(),
  /** Of an individual enrollment; `null` = the registration ID. */
  deviceId: z.string().nullable(),
  attestation: z.enum(['symmetricKey', 'x509', 'tpm']),
  createdAtMs: z.number(),
  registeredAtMs: z.number(),
  hub: z.string().nullable(),
  initialTwin: twin.nullable(),
  registers: z.number(),
  /** The latest one, which the assignment belongs to; `null` = it can no longer be polled. */
  operation: z.object(OPERATION_MEMBERS).nullable(),
});

type RegistrationLine = z.output<typeof registrationLine>;

/** A record and its latest operation; earlier ones have been told before. */
export function registrationToLine(idScope: string, record: RegistrationRecord): StateLine {
  const { enrollment, assignment, createdAtMs, registeredAtMs, hub, initialTwin, registers } = record;
  const operation = operationOfRecord(record);
  const line: RegistrationLine = {
    kind: 'registration',
    idScope,
    ...assignmentToLine(assignment),
    enrollmentGroupId: enrollment.kind === 'group' ? enrollment.enrollmentGroupId : null,
    deviceId: enrollment.kind === 'group' ? null : enrollment.deviceId,
    attestation: enrollment.attestation.kind,
    createdAtMs,
    registeredAtMs,
    hub,
    initialTwin,
    registers,
    operation: operation === null ? null : operationMembersOf(operation),
  };
  return line;
}

/** What the end of an assignment changed that a webhook decided. */
export function settledLines(
  idScope: string,
  record: RegistrationRecord,
  assignment: Assignment,
): readonly StateLine[] {
  if (record.assignment === assignment) return [registrationToLine(idScope, record)];
  const operation = [...operationsOf(record)].find((each) => each.assignment === assignment);
  return operation === undefined ? [] : [operationToLine(idScope, operation)];
}

export function registrationKind(instances: InstanceTable, read: ReadOperations): StateKind {
  const enrollments = new RegisteredEnrollments();
  return {
    kind: 'registration',
    apply: (line) => {
      const parsed = parseLine(registrationLine, line);
      const { idScope, registrationId, result, readyAtMs, operation } = parsed;
      const assignment = assignmentOfLine({ registrationId, result, readyAtMs });
      instances.get(idScope)?.records.set(foldRegistrationId(registrationId), {
        createdAtMs: parsed.createdAtMs,
        registeredAtMs: parsed.registeredAtMs,
        enrollment: enrollments.of(parsed),
        assignment,
        hub: parsed.hub,
        initialTwin: parsed.initialTwin,
        registers: parsed.registers,
        oldestOperation: null,
        latestOperation: null,
        operations: 0,
      });
      if (operation !== null) read.add({ ...operation, idScope, assignment });
    },
    complete: () => {},
    *lines() {
      for (const { idScope, records } of instances.all) {
        for (const record of records.values()) yield registrationToLine(idScope, record);
      }
    },
  };
}

/** The devices of a group share one object. */
class RegisteredEnrollments {
  readonly #groups = new Map<string, RegisteredEnrollment>();

  of({ enrollmentGroupId, registrationId, deviceId, attestation: kind }: RegistrationLine): RegisteredEnrollment {
    const attestation = { kind };
    if (enrollmentGroupId === null) return { kind: 'individual', registrationId, deviceId, attestation };
    const key = `${kind} ${enrollmentGroupId}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group: RegisteredEnrollment = { kind: 'group', enrollmentGroupId, attestation };
    this.#groups.set(key, group);
    return group;
  }
}
