import type { AttestationBody } from '../dps/service-api.ts';
import type { ServiceError } from '../service-api/service-error.ts';
import { serviceRemedy } from '../service-api/service-problem.ts';
import type { EntryBody } from './compare-entries.ts';
import type { RowResult } from './row-result.ts';

/** One row of the list. */
export type Row = { readonly row: number; readonly id: string };

/** A row with the entry that it asks for. */
export type WantedRow = Row & { readonly wanted: EntryBody };

export type Keys = { readonly primaryKey: string; readonly secondaryKey: string };

/** A row that has ended; with its keys, if they were asked for. */
export type EndedRow = { readonly result: RowResult; readonly keys: Keys | null };

export function ended(row: Row, state: RowResult['state'], rest: Partial<RowResult> = {}): RowResult {
  const { row: place, id } = row;
  return { row: place, id, state, etag: null, differences: [], failure: null, isPassing: false, ...rest };
}

export function failed(row: Row, error: ServiceError): RowResult {
  const { status, errorCode: code, message, isTransient } = error;
  const failure = { status, code, message, remedy: serviceRemedy(error) };
  return ended(row, 'failed', { failure, isPassing: isTransient || status === 412 });
}

/** Both keys; `null` if the attestation has no complete pair. */
export function keysOf(attestation: AttestationBody): Keys | null {
  const { primaryKey, secondaryKey } = attestation.symmetricKey ?? {};
  return primaryKey && secondaryKey ? { primaryKey, secondaryKey } : null;
}
