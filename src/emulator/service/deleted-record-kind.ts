import { z } from 'zod';
import { foldRegistrationId } from '../../dps/registration-id.ts';
import type { InstanceTable } from './instance-table.ts';
import type { ReadOperations } from './read-operations.ts';
import { parseLine, type StateKind, type StateLine } from './state-kind.ts';

const deletedRecord = z.object({
  kind: z.literal('registration-deleted'),
  idScope: z.string(),
  registrationId: z.string(),
});

/** Takes back what earlier lines say about the device. */
export function deletedRecordLine(idScope: string, registrationId: string): StateLine {
  const line: z.output<typeof deletedRecord> = { kind: 'registration-deleted', idScope, registrationId };
  return line;
}

export function deletedRecordKind(instances: InstanceTable, read: ReadOperations): StateKind {
  return {
    kind: 'registration-deleted',
    apply: (line) => {
      const { idScope, registrationId } = parseLine(deletedRecord, line);
      instances.get(idScope)?.records.delete(foldRegistrationId(registrationId));
      read.forget(idScope, registrationId);
    },
    complete: () => {},
    // What is not there needs no line.
    lines: () => [],
  };
}
