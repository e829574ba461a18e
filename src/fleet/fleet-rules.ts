import { quoteValue } from '../problem/quote-value.ts';
import { certificateComplaints } from './certificate-complaints.ts';
import type { CertificateFiles } from './certificate-files.ts';
import type { FleetRow } from './fleet-row.ts';
import type { RowComplaint } from './parse-fleet-row.ts';

/** What a run demands of every row, beyond its being legal. */
export type FleetRules =
  | { readonly keys: 'in-every-row' }
  /** A row without a key of its own has one derived from the key of its group. */
  | { readonly keys: 'of-these-groups'; readonly groups: readonly string[] }
  | { readonly keys: 'for-every-row' }
  /** X.509. `files`: where each device's are; `null` = they are made at launch. */
  | { readonly keys: 'certificates'; readonly files: CertificateFiles | null };

/** What a legal row lacks for the run. */
export function ruleComplaints(row: FleetRow, rules: FleetRules): readonly RowComplaint[] {
  if (rules.keys === 'certificates') return certificateComplaints(row, rules.files);
  if (row.deviceKey !== null || rules.keys === 'for-every-row') return [];
  if (rules.keys === 'in-every-row') {
    return [{ message: 'has no device_key', remedy: 'Give every device its key, or use --attestation group-key' }];
  }
  const { group } = row;
  if (group !== null && rules.groups.includes(group)) return [];
  const remedy =
    'Name its key in attestation.groups of the scenario, or give a key for all other rows (--group-key-file)';
  if (group === null) return [{ message: 'has neither group nor device_key, so that there is no key for it', remedy }];
  return [{ message: `there is no key for group ${quoteValue(group)}`, remedy }];
}
