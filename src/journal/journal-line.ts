import {
  ALLOCATION_POLICIES,
  type AllocationExpectation,
  type CohortExpectation,
  REPROVISION_POLICIES,
} from '../allocation/allocation-expectation.ts';
import { REGISTRATION_RESULTS, type RegistrationPhases } from '../registration/registration-outcome.ts';
import {
  END_REASONS,
  type EndRecord,
  type GrantRecord,
  JOURNAL_VERSION,
  type JournalRecord,
  LOAD_SHAPES,
  type OutcomeRecord,
  type SampleRecord,
  type SessionRecord,
} from './journal-record.ts';
import {
  type Field,
  FieldError,
  flag,
  list,
  members,
  number,
  oneOf,
  orNull,
  orUsual,
  rounded,
  text,
  tuple,
  whole,
} from './json-field.ts';

/*
 * One JSON object a line, UTF-8, its kind first, members in the order below. What is absent is left out: null, an empty
 * list and, in outcomes, 0 and false. Outcomes are the bulk of a journal, so their members have short keys:
 *
 * {"kind":"session","version":1,"session":1,"dpsloadVersion":"0.1.0","startedAtEpochMs":1700000000000,"target":{…},…}
 * {"kind":"grant","atMs":3.2,"round":1,"sequence":0,"rows":[[0,99]]}
 * {"kind":"outcome","row":7,"seq":7,"id":"dev-0007","result":"assigned","hub":"hub-a.azure-devices.net","device":"dev-0007",
 *  "substatus":"initialAssignment","attempts":1,"registers":1,"polls":1,"operation":"5.…","created":"…","updated":"…",
 *  "intended":12.5,"started":12.9,"finished":3210.004,"waited":3000.1,"phases":[0.4,2.1,1.2,0.8,180.4,3012.3]}
 * {"kind":"sample","atMs":1000.1,"inFlight":100,…}
 * {"kind":"end","atMs":4000.2,"reason":"completed"}
 */

/** A line that is no record; the message is the end of a sentence, the remedy one of its own. */
export class JournalFormatError extends Error {
  override readonly name = 'JournalFormatError';
  readonly remedy: string;

  constructor(message: string, remedy = 'Restore the journal from a copy: it was damaged after it was written') {
    super(message);
    this.remedy = remedy;
  }
}

const cohort = members<CohortExpectation>({ name: text, hubs: list(members({ hub: text, weight: number })) });

const allocation = members<AllocationExpectation>({
  policy: orNull(oneOf(ALLOCATION_POLICIES)),
  by: oneOf(['fleet', 'group', 'region', 'row']),
  cohorts: list(cohort),
  asRun: orNull(text),
  tolerance: number,
  confidence: number,
  reprovision: orNull(oneOf(REPROVISION_POLICIES)),
  moved: orNull(number),
});

const session = members<SessionRecord>({
  kind: oneOf(['session']),
  version: oneOf([JOURNAL_VERSION]),
  session: whole,
  dpsloadVersion: text,
  startedAtEpochMs: number,
  name: orNull(text),
  target: members({ kind: oneOf(['emulator', 'service']), host: text, port: whole, idScope: text }),
  apiVersion: text,
  attestation: text,
  fleet: members({
    file: text,
    digest: text,
    bytes: whole,
    rows: whole,
    rejectedRows: whole,
    otherColumns: list(text),
  }),
  rowsMax: orNull(whole),
  rounds: whole,
  workers: whole,
  concurrency: whole,
  loadShape: orNull(oneOf(LOAD_SHAPES)),
  ratePerSecond: orNull(number),
  thresholds: list(text),
  allowLimited: orUsual(flag, false),
  allocation: orNull(allocation),
  region: orNull(text),
  listsLeftBehind: orUsual(flag, false),
});

const rowRange: Field<readonly [first: number, last: number]> = {
  write: (range) => range,
  read(value) {
    const [first, last] = list(whole).read(value);
    if (first === undefined || last === undefined || last < first) throw new FieldError('is no range of rows');
    return [first, last];
  },
};

const grant = members<GrantRecord>({
  kind: oneOf(['grant']),
  atMs: rounded,
  round: whole,
  sequence: whole,
  rows: list(rowRange),
});

const count = orUsual(whole, 0);
const duration = orUsual(rounded, 0);
const time = orNull(rounded);
const words = orNull(text);

const outcome = members<OutcomeRecord>(
  {
    kind: oneOf(['outcome']),
    row: whole,
    round: orUsual(whole, 1),
    sequence: orNull(whole),
    registrationId: text,
    group: words,
    expectedHub: words,
    otherValues: list(text),
    result: oneOf(REGISTRATION_RESULTS),
    assignedHub: words,
    deviceId: words,
    substatus: words,
    attempts: count,
    registersSent: count,
    possiblyTwice: orUsual(flag, false),
    polls: count,
    throttles: count,
    serverErrors: count,
    staleAnswers: count,
    retryAftersClamped: count,
    errorCode: words,
    errorMessage: words,
    trackingId: words,
    operationId: words,
    operationFailed: orUsual(flag, false),
    serviceCreatedAt: words,
    serviceUpdatedAt: words,
    intendedAtMs: time,
    startedAtMs: time,
    finishedAtMs: time,
    heldMs: duration,
    heldUnderWayMs: duration,
    waitedMs: duration,
    phases: tuple<RegistrationPhases>(['tcpMs', 'tlsMs', 'connackMs', 'subackMs', 'acceptedMs', 'assignedMs'], rounded),
    returnedPayload: words,
  },
  {
    sequence: 'seq',
    registrationId: 'id',
    expectedHub: 'expected',
    otherValues: 'other',
    assignedHub: 'hub',
    deviceId: 'device',
    registersSent: 'registers',
    possiblyTwice: 'twice',
    staleAnswers: 'stale',
    retryAftersClamped: 'clamped',
    errorCode: 'code',
    errorMessage: 'message',
    trackingId: 'tracking',
    operationId: 'operation',
    serviceCreatedAt: 'created',
    serviceUpdatedAt: 'updated',
    intendedAtMs: 'intended',
    startedAtMs: 'started',
    finishedAtMs: 'finished',
    heldMs: 'held',
    heldUnderWayMs: 'heldUnderWay',
    waitedMs: 'waited',
    returnedPayload: 'payload',
  },
);

const sample = members<SampleRecord>({
  kind: oneOf(['sample']),
  atMs: rounded,
  inFlight: whole,
  outstanding: whole,
  launched: whole,
  settled: whole,
  throttles: whole,
  startLagMaxMs: orNull(rounded),
  loopDelayMaxMs: list(rounded),
  cpuShare: rounded,
  emulatorCpuShare: orNull(rounded),
  fileDescriptors: orNull(whole),
  rssBytes: whole,
  rateAllowedPerSecond: orNull(number),
  epochAtZeroMs: orNull(number),
});

const end = members<EndRecord>({ kind: oneOf(['end']), atMs: rounded, reason: oneOf(END_REASONS), message: words });

const KINDS: { readonly [K in JournalRecord['kind']]: Field<Extract<JournalRecord, { kind: K }>> } = {
  session,
  grant,
  outcome,
  sample,
  end,
};

/** The record's line, without its line feed. Times are rounded to 0.001 ms. Throws on a time that is not finite. */
export function encodeJournalLine(record: JournalRecord): string {
  const { write } = KINDS[record.kind] as Field<JournalRecord>;
  return JSON.stringify(write(record));
}

/** Reads a line. Throws a `JournalFormatError` for anything that `encodeRecord` of this version cannot have written. */
export function decodeJournalLine(line: string): JournalRecord {
  const parsed = parseObject(line);
  const { kind } = parsed;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) throw new JournalFormatError('is of no known kind');
  if (kind === 'session' && parsed['version'] !== JOURNAL_VERSION) {
    throw new JournalFormatError(
      `is of journal version ${parsed['version']}; this dpsload reads version ${JOURNAL_VERSION}`,
      'Use the dpsload that wrote the journal',
    );
  }
  try {
    return KINDS[kind as JournalRecord['kind']].read(parsed);
  } catch (error) {
    if (error instanceof FieldError) throw new JournalFormatError(`is no ${kind}: ${error.message}`);
    throw error;
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new JournalFormatError('is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new JournalFormatError('is no JSON object');
  }
  return parsed as Readonly<Record<string, unknown>>;
}
