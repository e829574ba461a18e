import type { RegistrationStateBody } from '../dps/payloads.ts';
import type { CsvCell } from '../files/csv-line.ts';
import type { AuditedDevice } from './audited-device.ts';
import type { RowAudit } from './compare-record.ts';

export const AUDIT_CSV_NAMES = [
  'registration_id',
  'verdict',
  'differences',
  'told',
  'registered_again',
  'finding',
  'result',
  'assigned_hub',
  'device_id',
  'service_status',
  'service_substatus',
  'service_error_code',
  'service_hub',
  'service_device_id',
  'service_created_at',
  'service_updated_at',
] as const;

export function auditCsvCells(
  { registrationId, last: { outcome } }: AuditedDevice,
  record: RegistrationStateBody | null,
  { verdict, differences, told, isRegisteredAgain, finding }: RowAudit,
): readonly CsvCell[] {
  const { result, assignedHub, deviceId } = outcome;
  const judged = [registrationId, verdict, differences.join(' '), told, isRegisteredAgain, finding];
  return [...judged, result, assignedHub, deviceId, ...recordCells(record)];
}

/** The row of a record whose device the fleet does not have. */
export function extraCsvCells(record: RegistrationStateBody): readonly CsvCell[] {
  return [record.registrationId, 'extra', null, null, null, null, null, null, null, ...recordCells(record)];
}

function recordCells(record: RegistrationStateBody | null): readonly CsvCell[] {
  return [
    record?.status ?? null,
    record?.substatus ?? null,
    record?.errorCode ?? null,
    record?.assignedHub ?? null,
    record?.deviceId ?? null,
    record?.createdDateTimeUtc ?? null,
    record?.lastUpdatedDateTimeUtc ?? null,
  ];
}
