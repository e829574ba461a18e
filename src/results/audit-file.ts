import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_SHAPE, type AuditSummary } from '../report/audit-schema.ts';
import { AUDIT_FILE } from '../run-folder/audit-files.ts';

/** The last audit of a run; `null` = none, or one of another version. */
export function readAuditFile(folder: string): AuditSummary | null {
  try {
    const parsed = AUDIT_SHAPE.safeParse(JSON.parse(readFileSync(join(folder, AUDIT_FILE), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
