import { z } from 'zod';

/** Members of a line that tell an operation, apart from its assignment. */
export const OPERATION_MEMBERS = {
  operationId: z.string(),
  expiresAtMs: z.number(),
  reportsEverySubstatus: z.boolean(),
};

const operationMembers = z.object(OPERATION_MEMBERS);

export type OperationMembers = z.output<typeof operationMembers>;
