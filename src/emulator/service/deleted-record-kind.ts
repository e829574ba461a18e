import { foldRegistrationId } from '../../dps/registration-id.ts';
import { deletedRecord } from './deleted-record-line.ts';
import type { InstanceTable } from './instance-table.ts';
import type { ReadOperations } from './read-operations.ts';
import { parseLine, type StateKind } from './state-kind.ts';

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
