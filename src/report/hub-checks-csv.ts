import type { CsvCell } from '../files/csv-line.ts';
import type { HubCheckRecord } from '../journal/hub-check-record.ts';
import { remedyFor } from './remedies.ts';

type Column = (record: HubCheckRecord) => CsvCell;

/** Columns of `hub-checks.csv`, in order. */
const COLUMNS: Readonly<Record<string, Column>> = {
  registration_id: ({ registrationId }) => registrationId,
  device_id: ({ deviceId }) => deviceId,
  hub: ({ hub }) => hub,
  hub_check: ({ result }) => result,
  attempts: ({ attempts }) => attempts,
  error_message: ({ message }) => message,
  what_to_do: ({ result }) => (result === 'passed' ? null : remedyFor(result)),
  dns_ms: ({ phases }) => phases.dnsMs,
  tcp_ms: ({ phases }) => phases.tcpMs,
  tls_ms: ({ phases }) => phases.tlsMs,
  connack_ms: ({ phases }) => phases.connackMs,
  suback_ms: ({ phases }) => phases.subackMs,
  answer_ms: ({ phases }) => phases.answerMs,
  total_ms: ({ startedAtMs, endedAtMs }) => Math.round((endedAtMs - startedAtMs) * 1000) / 1000,
};

export const HUB_CHECKS_CSV_NAMES: readonly string[] = Object.keys(COLUMNS);

/** The row of one device of the sample. */
export function hubChecksCsvCells(record: HubCheckRecord): readonly CsvCell[] {
  return Object.values(COLUMNS).map((cell) => cell(record));
}
