import { z } from 'zod';
import type { StateLine } from './state-kind.ts';

export const deletedRecord = z.object({
  kind: z.literal('registration-deleted'),
  idScope: z.string(),
  registrationId: z.string(),
});

/** Takes back what earlier lines say about the device. */
export function deletedRecordLine(idScope: string, registrationId: string): StateLine {
  const line: z.output<typeof deletedRecord> = { kind: 'registration-deleted', idScope, registrationId };
  return line;
}
