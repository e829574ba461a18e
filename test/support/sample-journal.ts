import { writeFileSync } from 'node:fs';
import { encodeJournalLine } from '../../src/journal/journal-line.ts';
import type {
  GrantRecord,
  JournalRecord,
  OutcomeRecord,
  SampleRecord,
  SessionRecord,
} from '../../src/journal/journal-record.ts';
import type { RegistrationOutcome, StalledTimes } from '../../src/registration/registration-outcome.ts';

export const HUBS = ['hub-a.azure-devices.net', 'hub-b.azure-devices.net', 'hub-c.azure-devices.net'] as const;

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a session records of its load and machine. */
export const SETUP: NonNullable<SessionRecord['setup']> = {
  stages: [],
  batch: null,
  transport: 'mqtt',
  mqttClient: 'dpsload',
  tlsVersionMin: 'TLSv1.2',
  tlsVersionMax: 'TLSv1.3',
  tlsVersion: 'TLSv1.3',
  pollDelayMs: 2_000,
  pollDelayMinMs: 100,
  governor: true,
  node: 'v20.19.0',
  openssl: '3.0.15',
  platform: 'Linux 6.1.0 x64',
  cpu: 'Sample CPU',
  cores: 2,
  memoryBytes: 8_000_000_000,
};

export function sessionRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    kind: 'session',
    version: 1,
    session: 1,
    dpsloadVersion: '0.1.0',
    startedAtEpochMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    name: 'sample',
    target: { kind: 'emulator', host: '127.0.0.1', port: 8883, idScope: '0ne00111111' },
    apiVersion: '2021-06-01',
    attestation: 'group-key',
    fleet: {
      file: 'fleet.csv',
      digest: 'ab'.repeat(32),
      bytes: 200,
      rows: 10,
      rejectedRows: 0,
      otherColumns: ['Site'],
    },
    rowsMax: null,
    rounds: 1,
    workers: 2,
    concurrency: 100,
    loadShape: 'closed',
    ratePerSecond: null,
    thresholds: [],
    allowLimited: false,
    allocation: null,
    region: null,
    listsLeftBehind: false,
    measuresStalls: true,
    selectedRows: null,
    notes: {},
    breakdowns: [],
    csvFor: 'plain',
    setup: null,
    agents: [],
    ...changes,
  };
}

/** A session over a fleet of `rows`. */
export function sessionOf(rows: number, changes: Partial<SessionRecord> = {}): SessionRecord {
  const session = sessionRecord(changes);
  return { ...session, fleet: { ...session.fleet, rows } };
}

/** An assigned registration of 3 s that began 10 ms late. */
export function outcomeRecord(row: number, changes: Partial<RegistrationOutcome> = {}): OutcomeRecord {
  const registrationId = `dev-${String(row).padStart(6, '0')}`;
  return {
    kind: 'outcome',
    row,
    round: 1,
    sequence: row,
    registrationId,
    group: null,
    expectedHub: null,
    otherValues: [`site ${row % 3}`],
    result: 'assigned',
    assignedHub: HUBS[row % HUBS.length] ?? null,
    deviceId: registrationId,
    substatus: 'initialAssignment',
    attempts: 1,
    registersSent: 1,
    possiblyTwice: false,
    polls: 1,
    throttles: 0,
    serverErrors: 0,
    staleAnswers: 0,
    retryAftersClamped: 0,
    launchesIncluded: 0,
    errorCode: null,
    errorMessage: null,
    trackingId: null,
    operationId: `4.0b1c2d3e4f5a6b7c.00000000-0000-4000-8000-${String(row).padStart(12, '0')}`,
    operationFailed: false,
    serviceCreatedAt: '2026-01-02T03:04:06.1234567Z',
    serviceUpdatedAt: '2026-01-02T03:04:06.3334567Z',
    intendedAtMs: row * 10,
    startedAtMs: row * 10 + 10,
    finishedAtMs: row * 10 + 3210,
    heldMs: 0,
    heldUnderWayMs: 0,
    waitedMs: 3000,
    phases: { dnsMs: null, tcpMs: 1, tlsMs: 5, connackMs: 2, subackMs: 2, acceptedMs: 180, assignedMs: 3010 },
    slotWaitMs: 0,
    stalled: null,
    returnedPayload: null,
    agent: null,
    ...changes,
  };
}

/** What a load generator may have added to the times of a registration. */
export function stalledTimes(changes: Partial<StalledTimes>): StalledTimes {
  const none = { dnsMs: 0, tcpMs: 0, tlsMs: 0, connackMs: 0, subackMs: 0, acceptedMs: 0, assignedMs: 0 };
  return { ...none, heldMs: 0, startLagMs: 0, serviceMs: 0, ...changes };
}

/** What an outcome holds that never came to a hub. */
export function notAssigned(changes: Partial<RegistrationOutcome>): Partial<RegistrationOutcome> {
  return {
    assignedHub: null,
    deviceId: null,
    substatus: null,
    operationId: null,
    serviceCreatedAt: null,
    serviceUpdatedAt: null,
    waitedMs: 0,
    phases: { dnsMs: null, tcpMs: 1, tlsMs: 5, connackMs: 2, subackMs: 2, acceptedMs: 180, assignedMs: null },
    ...changes,
  };
}

export function grantRecord(first: number, last: number, changes: Partial<GrantRecord> = {}): GrantRecord {
  return { kind: 'grant', atMs: first * 10, round: 1, sequence: first, rows: [[first, last]], ...changes };
}

export function sampleRecord(atMs: number, changes: Partial<SampleRecord> = {}): SampleRecord {
  return {
    kind: 'sample',
    atMs,
    overMs: 1000,
    inFlight: 100,
    outstanding: 120,
    launched: 30,
    settled: 30,
    throttles: 0,
    startLagMaxMs: null,
    loopDelayMaxMs: [4.5, 3.25],
    cpuShare: 0.5,
    emulatorCpuShare: 0.25,
    fileDescriptors: 130,
    rssBytes: 150_000_000,
    suspendedMs: 0,
    saturatedMs: 0,
    rateAllowedPerSecond: null,
    epochAtZeroMs: null,
    agents: [],
    joinedAgents: [],
    ...changes,
  };
}

/** Ways in which a sample registration fails, with about one in twenty taking one of them. */
const FAILURES: readonly Partial<RegistrationOutcome>[] = [
  { result: 'refused', errorCode: '401000', errorMessage: 'Unauthorized', trackingId: '2cb8f317-10f5-44f4-a5a6' },
  { result: 'failed', errorCode: '404201', errorMessage: 'Enrollment, "not" found,\nreally' },
  { result: 'throttled', errorCode: '429001', errorMessage: 'Operations are being throttled', throttles: 5 },
  { result: 'timed-out', errorCode: 'no-answer', errorMessage: 'no answer within 30 s', possiblyTwice: true },
  { result: 'disconnected', errorCode: 'connack-3', errorMessage: 'server unavailable', registersSent: 0 },
];

function randomOutcome(row: number, random: () => number): OutcomeRecord {
  const startedAtMs = row * 10 + random() * 5;
  const timing = { intendedAtMs: row * 10, startedAtMs, finishedAtMs: startedAtMs + 3000 + random() * 400 };
  const failure = random() < 0.05 ? FAILURES[Math.floor(random() * FAILURES.length)] : undefined;
  return outcomeRecord(row, failure === undefined ? timing : { ...notAssigned(failure), ...timing });
}

/** A whole journal of one session in which every row is settled, its outcomes slightly out of order. */
export function sampleJournal(rows: number, seed: number): JournalRecord[] {
  const random = randomFrom(seed);
  const outcomes = Array.from({ length: rows }, (_, row) => randomOutcome(row, random)).sort(
    (a, b) => (a.finishedAtMs ?? 0) - (b.finishedAtMs ?? 0),
  );
  const samples = Array.from({ length: Math.ceil(rows / 100) + 3 }, (_, second) => sampleRecord(second * 1000));
  return [
    sessionOf(rows),
    grantRecord(0, rows - 1),
    ...outcomes,
    ...samples,
    { kind: 'end', atMs: samples.length * 1000, reason: 'completed', message: null },
  ];
}

export function writeJournal(file: string, records: readonly JournalRecord[], torn = ''): void {
  writeFileSync(file, records.map((record) => `${encodeJournalLine(record)}\n`).join('') + torn);
}
