import { JOURNAL_VERSION, type JournalRecord, RECORDS } from './journal-record.ts';
import { FieldError } from './json-field.ts';

/*
 * One JSON object a line, UTF-8, its kind first, members in the order of `journal-record.ts`. Absent values are omitted: null, an
 * empty list and, the usual value: 0 and false in outcomes, false in sessions. Outcomes are the bulk of a journal, so their members have short keys:
 *
 * {"kind":"session","version":1,"session":1,"dpsloadVersion":"0.1.0","startedAtEpochMs":1700000000000,"target":{…},…}
 * {"kind":"selection","rows":[[0,499],[700,899]]}
 * {"kind":"grant","atMs":3.2,"round":1,"sequence":0,"rows":[[0,99]]}
 * {"kind":"outcome","row":7,"seq":7,"id":"dev-0007","result":"assigned","hub":"hub-a.azure-devices.net","device":"dev-0007",
 *  "substatus":"initialAssignment","attempts":1,"registers":1,"polls":1,"operation":"5.…","created":"…","updated":"…",
 *  "intended":12.5,"started":12.9,"finished":3210.004,"waited":3000.1,"phases":[0.4,2.1,1.2,0.8,180.4,3012.3]}
 * {"kind":"sample","atMs":1000.1,"inFlight":100,…}
 * {"kind":"end","atMs":4000.2,"reason":"completed"}
 */

/** A line that is not a valid record; the message is the end of a sentence, the remedy a sentence of its own. */
export class JournalFormatError extends Error {
  override readonly name = 'JournalFormatError';
  readonly remedy: string;

  constructor(message: string, remedy = 'Restore the journal from a copy: it was damaged after it was written') {
    super(message);
    this.remedy = remedy;
  }
}

/** Returns the record's line, without its line feed. Rounds times to 0.001 ms. @throws Error on a time that is not finite */
export function encodeJournalLine(record: JournalRecord): string {
  return JSON.stringify(RECORDS[record.kind].write(record as never));
}

/** @throws JournalFormatError for anything that `encodeJournalLine` of this version cannot have written */
export function decodeJournalLine(line: string): JournalRecord {
  const parsed = parseObject(line);
  const { kind } = parsed;
  if (typeof kind !== 'string' || !Object.hasOwn(RECORDS, kind)) {
    throw new JournalFormatError('has no known record kind');
  }
  if (kind === 'session' && parsed['version'] !== JOURNAL_VERSION) {
    throw new JournalFormatError(
      `has journal version ${parsed['version']}; this dpsload reads version ${JOURNAL_VERSION}`,
      'Use the dpsload that wrote the journal',
    );
  }
  try {
    return RECORDS[kind as JournalRecord['kind']].read(parsed);
  } catch (error) {
    if (error instanceof FieldError) throw new JournalFormatError(`is not a valid ${kind} record: ${error.message}`);
    throw error;
  }
}

/** @throws JournalFormatError */
export function parseObject(line: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new JournalFormatError('is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new JournalFormatError('is not a JSON object');
  }
  return parsed as Readonly<Record<string, unknown>>;
}
