import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Each row of the fleet, and each extra record, beside what the service says of it. */
export const AUDIT_CSV = 'audit.csv';

/** The audit in figures. */
export const AUDIT_FILE = 'audit.json';

/** Records read so far; as a temporary file, it is not one of those that SHA256SUMS vouches for. */
export const AUDIT_RECORDS = 'audit-records.ndjson.tmp';

/** Removes an audit that a continued journal makes stale. */
export async function withdrawAudit(folder: string): Promise<void> {
  for (const name of [AUDIT_FILE, AUDIT_CSV, AUDIT_RECORDS]) await rm(join(folder, name), { force: true });
}
