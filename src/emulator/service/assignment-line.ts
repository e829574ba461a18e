import { z } from 'zod';
import type { Assignment, AssignmentResult } from './registration-record.ts';

/** An object of any form. */
export const twin = z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be an object');

const failure = z.object({ errorCode: z.number(), errorMessage: z.string() });

const assigned = z.object({
  hub: z.string(),
  substatus: z.enum(['initialAssignment', 'deviceDataMigrated', 'deviceDataReset', 'reprovisionedToInitialAssignment']),
  payload: z.unknown().optional(),
  initialTwin: twin.optional(),
});

/** Members of a line that tell an assignment. */
export const ASSIGNMENT_MEMBERS = {
  /** As the answers spell it. */
  registrationId: z.string(),
  /** `null` = a webhook is still at work. */
  result: z.union([assigned, failure]).nullable(),
  /** `null` = never, or not known yet: JSON has no infinity. */
  readyAtMs: z.number().nullable(),
};

const assignmentMembers = z.object(ASSIGNMENT_MEMBERS);

type AssignmentMembers = z.output<typeof assignmentMembers>;

export function assignmentToLine({ registrationId, result, readyAtMs }: Assignment): AssignmentMembers {
  return {
    registrationId,
    result: result === null ? null : resultToLine(result),
    readyAtMs: Number.isFinite(readyAtMs) ? readyAtMs : null,
  };
}

export function assignmentOfLine({ registrationId, result, readyAtMs }: AssignmentMembers): Assignment {
  return {
    registrationId,
    result: result === null ? null : resultOfLine(result),
    readyAtMs: readyAtMs ?? Number.POSITIVE_INFINITY,
  };
}

function resultToLine(result: AssignmentResult): AssignmentMembers['result'] {
  if (result.hub === null) return result.failure;
  const { failure: _, ...members } = result;
  return members;
}

function resultOfLine(result: NonNullable<AssignmentMembers['result']>): AssignmentResult {
  if ('errorCode' in result) return { hub: null, substatus: null, failure: result };
  const { hub, substatus, payload, initialTwin } = result;
  return {
    hub,
    substatus,
    failure: null,
    ...(payload === undefined ? {} : { payload }),
    ...(initialTwin === undefined ? {} : { initialTwin }),
  };
}
