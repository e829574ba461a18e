import {
  ALLOCATION_POLICIES,
  type AllocationExpectation,
  type CohortExpectation,
  REPROVISION_POLICIES,
} from '../allocation/allocation-expectation.ts';
import { CSV_PROGRAMS } from '../files/csv-line.ts';
import {
  REGISTRATION_RESULTS,
  type RegistrationOutcome,
  type RegistrationPhases,
  type StalledTimes,
} from '../registration/registration-outcome.ts';
import { agentRecord, agentSample } from './agent-record.ts';
import {
  type Field,
  FieldError,
  type FieldValue,
  flag,
  list,
  members,
  number,
  oneOf,
  orNull,
  orUsual,
  rounded,
  text,
  texts,
  tuple,
  whole,
} from './json-field.ts';
import type { TargetName } from './target-name.ts';

/*
 * The records of a journal. Each table gives the members in the order of the line, and with them the type of the record.
 * `journal-line.ts` shows the lines.
 */

/** Version of the records below; a reader refuses a journal of any other version. */
export const JOURNAL_VERSION = 1;

/** What determines when launches happen. */
export const LOAD_SHAPES = [
  'closed', // only free slots
  'rate',
  'stages',
  'batches',
  'at-once', // everything when the session starts
] as const;

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

/** What was run, and on what, as far as no other member of the session says it: figures of two runs compare only where these are equal. */
const setup = members({
  /** Of a load in stages, in order. */
  stages: list(members({ ratePerSecond: number, forMs: number, ramp: orUsual(flag, false) })),
  /** Of a load in batches. */
  batch: orNull(members({ size: whole, everyMs: number })),
  transport: text,
  mqttClient: text,
  tlsVersionMin: text,
  tlsVersionMax: text,
  /** The one that the first device and the service agreed on; `null` = it could not connect. */
  tlsVersion: orNull(text),
  /** Pause before a poll when the service asks for none, and the shortest one even if it asks for less. */
  pollDelayMs: number,
  pollDelayMinMs: number,
  governor: flag,
  node: text,
  openssl: text,
  /** Operating system, its release and the architecture. */
  platform: text,
  /** `null` = the system does not say. */
  cpu: orNull(text),
  cores: whole,
  memoryBytes: whole,
});

const session = members({
  kind: oneOf(['session']),
  version: oneOf([JOURNAL_VERSION]),
  /** 1-based number of the session within the journal. */
  session: whole,
  dpsloadVersion: text,
  /** Wall clock at 0 of this session's clock: added to any `…AtMs` it gives a point in time. */
  startedAtEpochMs: number,
  name: orNull(text),
  target: members<TargetName>({ kind: oneOf(['emulator', 'service']), host: text, port: whole, idScope: text }),
  apiVersion: text,
  attestation: text,
  fleet: members({
    /** As the user gave it. */
    file: text,
    /** SHA-256 of the file, hexadecimal. */
    digest: text,
    /** Length of the file; anything appended later is not part of the run. */
    bytes: whole,
    /** Usable rows. */
    rows: whole,
    rejectedRows: whole,
    otherColumns: list(text),
  }),
  /** Rows of the whole run that `--limit` allows so far; rows possibly sent are taken in any case. `null` = the whole fleet. */
  rowsMax: orNull(whole),
  rounds: whole,
  workers: whole,
  concurrency: whole,
  /** `null` = written by a dpsload that did not record it. */
  loadShape: orNull(oneOf(LOAD_SHAPES)),
  /** Registrations a second; `null` where the shape has no steady rate. */
  ratePerSecond: orNull(number),
  /** Expressions that the run is judged by. */
  thresholds: list(text),
  /** Judge time thresholds even when the load generator was the limit. */
  allowLimited: orUsual(flag, false),
  /** What the allocation policy should do; `null` = not given. */
  allocation: orNull(allocation),
  /** Where the devices are, in the operator's words; `null` = not given. */
  region: orNull(text),
  /** Whether the run lists the registrations that it leaves behind at the service. */
  listsLeftBehind: orUsual(flag, false),
  /** Outcomes and samples tell what the load generator itself may have caused; earlier versions did not measure it. */
  measuresStalls: orUsual(flag, false),
  /**
   * Usable rows that `--limit`, `--only` and `--exclude` leave for this session. If not all, `selection` records name them next;
   * `null` = written by a dpsload that did not record it.
   */
  selectedRows: orNull(whole),
  /** The operator's notes about the run, by name. */
  notes: texts,
  /** Columns of the fleet by which to show results; those that dpsload knows have its names. */
  breakdowns: list(text),
  /** For whom the CSV files of the run are written. */
  csvFor: orUsual(oneOf(CSV_PROGRAMS), 'plain'),
  /** `null` = written by a dpsload that did not record it. */
  setup: orNull(setup),
  /** That were there when the session began; samples name those that joined later. None = the workers are threads of this machine. */
  agents: list(agentRecord),
});

/** First record of each session: a run or a resume. Holds no secret. */
export type SessionRecord = FieldValue<typeof session>;

const rowRange: Field<readonly [first: number, last: number]> = {
  write: (range) => range,
  read(value) {
    const [first, last] = list(whole).read(value);
    if (first === undefined || last === undefined || last < first) throw new FieldError('is not a range of rows');
    return [first, last];
  },
};

const selection = members({
  kind: oneOf(['selection']),
  /** Ranges of rows, first and last inclusive. */
  rows: list(rowRange),
});

/** Rows that the session before it selected; several of these follow a session when the ranges are many. */
export type SelectionRecord = FieldValue<typeof selection>;

/** Ranges in one selection record: less than 200 KB. */
export const SELECTION_RANGES_MAX = 10_000;

const grant = members({
  kind: oneOf(['grant']),
  atMs: rounded,
  round: whole,
  /** Launch number of the first row; the others follow without gaps, in the order of `rows`. */
  sequence: whole,
  /** Ranges of rows, first and last inclusive. */
  rows: list(rowRange),
});

/** Rows released to workers. Synced to disk before the first of them is sent. */
export type GrantRecord = FieldValue<typeof grant>;

const count = orUsual(whole, 0);
const duration = orUsual(rounded, 0);
const time = orNull(rounded);
const optionalText = orNull(text);

export type OutcomeRecord = RegistrationOutcome;

const outcome = members<OutcomeRecord>(
  {
    kind: oneOf(['outcome']),
    row: whole,
    round: orUsual(whole, 1),
    sequence: orNull(whole),
    registrationId: text,
    group: optionalText,
    expectedHub: optionalText,
    otherValues: list(text),
    result: oneOf(REGISTRATION_RESULTS),
    assignedHub: optionalText,
    deviceId: optionalText,
    substatus: optionalText,
    attempts: count,
    registersSent: count,
    possiblyTwice: orUsual(flag, false),
    polls: count,
    throttles: count,
    serverErrors: count,
    staleAnswers: count,
    retryAftersClamped: count,
    launchesIncluded: count,
    errorCode: optionalText,
    errorMessage: optionalText,
    trackingId: optionalText,
    operationId: optionalText,
    operationFailed: orUsual(flag, false),
    serviceCreatedAt: optionalText,
    serviceUpdatedAt: optionalText,
    intendedAtMs: time,
    startedAtMs: time,
    finishedAtMs: time,
    heldMs: duration,
    heldUnderWayMs: duration,
    waitedMs: duration,
    phases: tuple<RegistrationPhases>(
      ['tcpMs', 'tlsMs', 'connackMs', 'subackMs', 'acceptedMs', 'assignedMs', 'dnsMs'],
      rounded,
      6,
    ),
    slotWaitMs: duration,
    stalled: orNull(
      members<StalledTimes>(
        {
          heldMs: duration,
          startLagMs: duration,
          serviceMs: duration,
          dnsMs: duration,
          tcpMs: duration,
          tlsMs: duration,
          connackMs: duration,
          subackMs: duration,
          acceptedMs: duration,
          assignedMs: duration,
        },
        {
          heldMs: 'held',
          startLagMs: 'startLag',
          serviceMs: 'service',
          dnsMs: 'dns',
          tcpMs: 'tcp',
          tlsMs: 'tls',
          connackMs: 'connack',
          subackMs: 'suback',
          acceptedMs: 'accepted',
          assignedMs: 'assigned',
        },
      ),
    ),
    returnedPayload: optionalText,
    agent: optionalText,
  },
  // Outcomes are the bulk of a journal: short names keep it small.
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
    launchesIncluded: 'included',
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
    slotWaitMs: 'slotWait',
    returnedPayload: 'payload',
  },
);

const sample = members({
  kind: oneOf(['sample']),
  atMs: rounded,
  /** Time up to `atMs` that the counts and the largest values cover; the first and the last of a session cover less than a second. */
  overMs: orUsual(rounded, 1000),
  inFlight: whole,
  /** Released to workers and not yet settled, including those in flight. */
  outstanding: whole,
  /** Launches since the last sample. */
  launched: whole,
  settled: whole,
  throttles: whole,
  /** Largest since the last sample; `null` in the closed model. */
  startLagMaxMs: orNull(rounded),
  /** Largest event-loop delay of each worker since the last sample. */
  loopDelayMaxMs: list(rounded),
  /** CPU cores used by this process since the last sample (2 = two cores busy). */
  cpuShare: rounded,
  /** The same for the embedded emulator; `null` without one, or where the system does not report it. */
  emulatorCpuShare: orNull(rounded),
  /** Open file descriptors of this process; `null` where the system does not report them. */
  fileDescriptors: orNull(whole),
  rssBytes: whole,
  /** How long the schedule stood still since the last sample because the process was suspended. */
  suspendedMs: duration,
  /** How long the busiest worker had almost no idle time since the last sample. */
  saturatedMs: duration,
  /** Launches a second currently allowed; `null` = unlimited. */
  rateAllowedPerSecond: orNull(number),
  /** Wall clock at 0 of this session's clock from here on, if it moved against that clock; `null` = unchanged. */
  epochAtZeroMs: orNull(number),
  /** All agents of the session, lost ones included. */
  agents: list(agentSample),
  /** Agents of which no earlier sample of the session tells this; with the first, all of them. */
  joinedAgents: list(agentRecord),
});

/** The state of the load generator, at every whole second of the session's clock. */
export type SampleRecord = FieldValue<typeof sample>;

export const END_REASONS = [
  'completed', // every row of the fleet is settled
  'limit', // --limit, --duration or the last stage ended it
  'interrupted', // SIGINT
  'terminated', // SIGTERM
  'threshold', // a threshold that stops the run was broken
  'unreachable', // no device of the run ever connected
  'canary', // a canary device was not assigned, and the rest was not started
  'outage', // nothing got through for longer than --outage-max
  'surprises', // more devices than --max-surprises differed from --expect
  'retry-budget', // too large a share of the register requests had to be repeated
  'failed', // an internal error, a fleet file that became unreadable, or workers lost too often
] as const;

export type EndReason = (typeof END_REASONS)[number];

const end = members({
  kind: oneOf(['end']),
  atMs: rounded,
  reason: oneOf(END_REASONS),
  /** For people, with the likely cause and the remedy; `null` where the reason says it all. */
  message: optionalText,
});

/** Last record of a session that ended in order. */
export type EndRecord = FieldValue<typeof end>;

export type JournalRecord = SessionRecord | SelectionRecord | GrantRecord | OutcomeRecord | SampleRecord | EndRecord;

/** How each kind of record is written and read. */
export const RECORDS: { readonly [K in JournalRecord['kind']]: Field<Extract<JournalRecord, { kind: K }>> } = {
  session,
  selection,
  grant,
  outcome,
  sample,
  end,
};
