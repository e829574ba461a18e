import type { FleetColumns } from './fleet-columns.ts';
import { type FleetRules, ruleComplaints } from './fleet-rules.ts';
import { parseFleetRow, type RowComplaint } from './parse-fleet-row.ts';

/** What is wrong with one row by itself: whether it is legal, and has what the run needs. */
export function rowComplaints(
  fields: readonly string[],
  columns: FleetColumns,
  rules: FleetRules,
): readonly RowComplaint[] {
  const parsed = parseFleetRow(fields, 0, columns);
  return 'row' in parsed ? ruleComplaints(parsed.row, rules) : parsed.complaints;
}
