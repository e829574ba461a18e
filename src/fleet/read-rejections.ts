import type { FleetFile } from './fleet-file.ts';
import type { FleetRules } from './fleet-rules.ts';
import { readFleetRecords } from './read-fleet-records.ts';
import type { RejectedLines } from './rejected-lines.ts';
import { rowComplaints } from './row-complaints.ts';

export type Rejection = { readonly line: number; readonly reason: string };

const DUPLICATE = 'has a registration ID that another row has too (upper and lower case are the same)';

/** Reads the fleet once more, for the reasons of the rows that are left out. */
export async function* readRejections(
  fleet: FleetFile,
  rules: FleetRules,
  rejected: RejectedLines,
  bytes: number,
): AsyncGenerator<Rejection> {
  for await (const { columns, records } of readFleetRecords(fleet, () => {}, bytes)) {
    for (const { line, fields } of records) {
      if (!rejected.has(line)) continue;
      const messages = rowComplaints(fields, columns, rules).map(({ message }) => message);
      yield { line, reason: messages.length === 0 ? DUPLICATE : messages.join('; ') };
    }
  }
}
