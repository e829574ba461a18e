import { symmetricKeyProblem } from '../dps/device-key.ts';
import { MESSAGE_BYTES_MAX } from '../dps/endpoint.ts';
import { foldRegistrationId, registrationIdProblem } from '../dps/registration-id.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { SAVE_AS_UTF8 } from './csv-encoding.ts';
import type { CsvRecord } from './csv-record.ts';
import type { FleetColumns } from './fleet-header.ts';

/** One usable row of the fleet CSV. */
export type FleetRow = {
  /** Place in the fleet, 0-based, not counting the header: the journal's key. */
  readonly row: number;
  readonly registrationId: string;
  readonly group: string | null;
  readonly expectedHub: string | null;
  /** base64. */
  readonly deviceKey: string | null;
  /** Paths as written in the CSV, relative to its folder. */
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** JSON text. */
  readonly payloadJson: string | null;
  /** Values of the unknown columns, in their order. */
  readonly otherValues: readonly string[];
};

/**
 * A mistake in one row; never quotes a field, since that may be a key in the wrong place. The message reads as well after `line 4: ` as
 * after `lines 4 and 9: `, so it never begins with a verb.
 */
export type RowComplaint = { readonly message: string; readonly remedy: string };

const NONE: readonly RowComplaint[] = [];

export type ParsedRow = { readonly row: FleetRow } | { readonly complaints: readonly RowComplaint[] };

/** @param place Of the row in the fleet, 0-based. */
export function parseFleetRow(record: CsvRecord, place: number, columns: FleetColumns): ParsedRow {
  const complaints = legalityComplaints(record, columns);
  return complaints.length === 0 ? { row: fleetRow(record.fields, place, columns) } : { complaints };
}

/** Complains of a row that is not legal, whatever the run. */
export function legalityComplaints(record: CsvRecord, columns: FleetColumns): readonly RowComplaint[] {
  const { fields } = record;
  if (fields.length !== columns.width) return [widthComplaint(fields.length, columns)];
  const { places } = columns;
  const text = textComplaints(record, columns);
  const id = registrationIdComplaints(fields[places.registration_id] ?? '');
  const key = deviceKeyComplaints(valueAt(fields, places.device_key));
  const payload = payloadComplaints(valueAt(fields, places.payload));
  const others = otherComplaints(fields, columns);
  // Nearly every row is legal, and empty lists put together would take longer than all checks.
  if (text.length + id.length + key.length + payload.length + others.length === 0) return NONE;
  return [...text, ...id, ...key, ...payload, ...others];
}

/** @param fields Of a legal row. */
export function fleetRow(fields: readonly string[], place: number, columns: FleetColumns): FleetRow {
  const { places } = columns;
  return {
    row: place,
    registrationId: fields[places.registration_id] ?? '',
    group: valueAt(fields, places.group),
    expectedHub: valueAt(fields, places.expected_hub),
    deviceKey: valueAt(fields, places.device_key),
    certificateFile: valueAt(fields, places.cert_file),
    keyFile: valueAt(fields, places.key_file),
    payloadJson: valueAt(fields, places.payload),
    otherValues: otherValues(fields, columns),
  };
}

/** Never reads index -1: an array looks it up as a property name, which takes longer than all checks of a short row. */
function valueAt(fields: readonly string[], place: number): string | null {
  return place < 0 ? null : fields[place] || null;
}

function otherValues(fields: readonly string[], { others }: FleetColumns): readonly string[] {
  const values: string[] = [];
  for (const { place } of others) values.push(fields[place] ?? '');
  return values;
}

/** The same as `foldedRegistrationId` for a row that is known to be legal. */
export function legalFoldedId(fields: readonly string[], { places }: FleetColumns): string {
  return foldRegistrationId(fields[places.registration_id] ?? '');
}

/** The registration ID in a form in which IDs that the service considers equal are equal; `null` if it is not legal. */
export function foldedRegistrationId(fields: readonly string[], columns: FleetColumns): string | null {
  const id = fields[columns.places.registration_id];
  if (fields.length !== columns.width || id === undefined || registrationIdProblem(id) !== null) return null;
  return foldRegistrationId(id);
}

function widthComplaint(actual: number, { line, width }: FleetColumns): RowComplaint {
  const remedy =
    line === null
      ? 'Remove --no-header if the first line names the columns: without a header, every line is one registration ID'
      : 'Give every row as many fields as the header, and quote fields that contain the delimiter';
  return { message: `${actual === 1 ? '1 field' : `${actual} fields`} instead of ${width}`, remedy };
}

/** Bytes that are not UTF-8 are decoded to U+FFFD; Windows-1252 in a column that is only carried along was decoded before. */
function textComplaints({ fields, windows1252 }: CsvRecord, columns: FleetColumns): readonly RowComplaint[] {
  if (windows1252 === undefined) return NONE;
  const known = [...columns.placeOf].flatMap(([name, place]) =>
    fields[place]?.includes('\uFFFD') ? [{ message: `${name} is not valid UTF-8`, remedy: SAVE_AS_UTF8 }] : [],
  );
  const others = columns.others.flatMap(({ name, place }) => {
    const message = `column ${quoteValue(name)} is neither UTF-8 nor Windows-1252`;
    return fields[place]?.includes('\uFFFD') ? [{ message, remedy: SAVE_AS_UTF8 }] : [];
  });
  return [...known, ...others];
}

function isUndecoded(field: string): boolean {
  return field.includes('\uFFFD');
}

/** An ID that is not UTF-8 has its complaint already; to correct U+FFFD in it would be no remedy. */
function registrationIdComplaints(registrationId: string): readonly RowComplaint[] {
  const reason = registrationIdProblem(registrationId);
  return reason === null || isUndecoded(registrationId)
    ? NONE
    : [{ message: `registration_id ${reason}`, remedy: 'Correct the ID' }];
}

function deviceKeyComplaints(deviceKey: string | null): readonly RowComplaint[] {
  const reason = deviceKey === null ? null : symmetricKeyProblem(deviceKey);
  return reason === null ? NONE : [{ message: `device_key ${reason}`, remedy: 'Copy the whole key again' }];
}

function payloadComplaints(payloadJson: string | null): readonly RowComplaint[] {
  if (payloadJson === null) return NONE;
  if (!isJson(payloadJson)) {
    const remedy = 'Write JSON in quotes, with the quotes inside doubled: "{""site"":""a""}"';
    return [{ message: 'payload is not JSON', remedy }];
  }
  if (Buffer.byteLength(payloadJson) <= MESSAGE_BYTES_MAX) return NONE;
  const message = `payload has more than ${MESSAGE_BYTES_MAX.toLocaleString('en-US')} bytes`;
  return [{ message, remedy: 'Shorten it: the service accepts no more' }];
}

/** The other columns are copied into the results, where a secret must not go. */
function otherComplaints(fields: readonly string[], { others }: FleetColumns): readonly RowComplaint[] {
  let complaints = NONE;
  for (const { name, place } of others) {
    if (!holdsSecret(fields[place] ?? '')) continue;
    const message = `column ${quoteValue(name)} contains a secret, which would be copied into the results`;
    complaints = [...complaints, { message, remedy: 'Remove the column' }];
  }
  return complaints;
}

/** Text by text, which takes a quarter of the time of one expression. */
function holdsSecret(value: string): boolean {
  return (value.includes('SharedAccess') && /SharedAccess(Key|Signature)/.test(value)) || value.includes('PRIVATE KEY');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
