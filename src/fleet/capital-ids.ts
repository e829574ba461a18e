import type { FleetColumns } from './fleet-columns.ts';
import type { FleetRules } from './fleet-rules.ts';

/**
 * Whether a row's registration ID has capital letters and its key is derived from it. IDs are the same to the service in either
 * case, but a key is derived from their bytes: whether the service folds the case first is unverified.
 */
export function isCapitalWithDerivedKey(
  fields: readonly string[],
  { placeOf }: FleetColumns,
  { keys }: FleetRules,
): boolean {
  const isDerived = keys === 'for-every-row' || keys === 'of-these-groups';
  if (!isDerived || fields[placeOf.get('device_key') ?? -1]) return false;
  return /[A-Z]/.test(fields[placeOf.get('registration_id') ?? -1] ?? '');
}

/** For people; `null` where there is nothing to say. */
export function capitalIdsWarning(count: number): string | null {
  if (count === 0) return null;
  const rows = count === 1 ? 'one row has' : `${count} rows have`;
  return `${rows} capital letters in the registration ID, of which the key is derived: whether the service folds the case first is unverified`;
}

export const CAPITAL_IDS_REMEDY = 'Use lower case, or try a few of them first (--limit)';
