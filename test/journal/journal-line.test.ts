import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATION_POLICIES, REPROVISION_POLICIES } from '../../src/allocation/allocation-expectation.ts';
import { decodeJournalLine, encodeJournalLine, JournalFormatError } from '../../src/journal/journal-line.ts';
import { END_REASONS, type JournalRecord, LOAD_SHAPES, type SessionRecord } from '../../src/journal/journal-record.ts';
import { REGISTRATION_RESULTS } from '../../src/registration/registration-outcome.ts';
import { anyText as text } from '../support/arbitraries.ts';
import { grantRecord, outcomeRecord, sampleRecord, sessionRecord } from '../support/sample-journal.ts';

const whole = fc.maxSafeNat();
const count = fc.nat();
const ms = fc.integer({ min: -1_000_000, max: 2 ** 50 }).map((micros) => micros / 1000);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const phases = fc.record({
  tcpMs: orNull(ms),
  tlsMs: orNull(ms),
  connackMs: orNull(ms),
  subackMs: orNull(ms),
  acceptedMs: orNull(ms),
  assignedMs: orNull(ms),
  dnsMs: orNull(ms),
});

const outcome: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('outcome' as const),
  row: whole,
  round: fc.integer({ min: 1, max: 9 }),
  sequence: orNull(whole),
  registrationId: text,
  group: orNull(text),
  expectedHub: orNull(text),
  otherValues: fc.array(text),
  result: fc.constantFrom(...REGISTRATION_RESULTS),
  assignedHub: orNull(text),
  deviceId: orNull(text),
  substatus: orNull(text),
  attempts: count,
  registersSent: count,
  possiblyTwice: fc.boolean(),
  polls: count,
  throttles: count,
  serverErrors: count,
  staleAnswers: count,
  retryAftersClamped: count,
  launchesIncluded: count,
  errorCode: orNull(text),
  errorMessage: orNull(text),
  trackingId: orNull(text),
  operationId: orNull(text),
  operationFailed: fc.boolean(),
  serviceCreatedAt: orNull(text),
  serviceUpdatedAt: orNull(text),
  intendedAtMs: orNull(ms),
  startedAtMs: orNull(ms),
  finishedAtMs: orNull(ms),
  heldMs: ms,
  heldUnderWayMs: ms,
  waitedMs: ms,
  phases,
  slotWaitMs: ms,
  stalled: orNull(
    fc.record({
      heldMs: ms,
      startLagMs: ms,
      serviceMs: ms,
      dnsMs: ms,
      tcpMs: ms,
      tlsMs: ms,
      connackMs: ms,
      subackMs: ms,
      acceptedMs: ms,
      assignedMs: ms,
    }),
  ),
  returnedPayload: orNull(text),
  agent: orNull(text),
});

const target = fc.record({
  kind: fc.constantFrom('emulator' as const, 'service' as const),
  host: text,
  port: count,
  idScope: text,
}) as fc.Arbitrary<SessionRecord['target']>;

const labels = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/), text, { noNullPrototype: true });
const agentRecords = fc.array(fc.record({ name: text, labels, slots: count, version: text }), { maxLength: 3 });

const session: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('session' as const),
  version: fc.constant(1 as const),
  session: count,
  dpsloadVersion: text,
  startedAtEpochMs: whole,
  name: orNull(text),
  target,
  apiVersion: text,
  attestation: text,
  fleet: fc.record({
    file: text,
    digest: text,
    bytes: count,
    rows: count,
    rejectedRows: count,
    otherColumns: fc.array(text),
  }),
  rowsMax: orNull(count),
  rounds: count,
  workers: count,
  concurrency: count,
  loadShape: orNull(fc.constantFrom(...LOAD_SHAPES)),
  ratePerSecond: orNull(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })),
  thresholds: fc.array(text),
  allowLimited: fc.boolean(),
  allocation: orNull(
    fc.record({
      policy: orNull(fc.constantFrom(...ALLOCATION_POLICIES)),
      by: fc.constantFrom('fleet' as const, 'group' as const, 'region' as const, 'row' as const),
      cohorts: fc.array(fc.record({ name: text, hubs: fc.array(fc.record({ hub: text, weight: count })) })),
      asRun: orNull(text),
      tolerance: fc.double({ min: 0, max: 1, noNaN: true }).filter((share) => !Object.is(share, -0)),
      confidence: fc.double({ min: 0.5, max: 1, noNaN: true }),
      reprovision: orNull(fc.constantFrom(...REPROVISION_POLICIES)),
      moved: orNull(fc.constantFrom(0, 0.25, 1)),
    }),
  ),
  region: orNull(text),
  listsLeftBehind: fc.boolean(),
  measuresStalls: fc.boolean(),
  selectedRows: orNull(count),
  notes: fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/), text, { noNullPrototype: true }),
  breakdowns: fc.array(text, { maxLength: 3 }),
  csvFor: fc.constantFrom('plain', 'excel', 'excel-semicolon'),
  setup: orNull(
    fc.record({
      stages: fc.array(fc.record({ ratePerSecond: count, forMs: count, ramp: fc.boolean() })),
      batch: orNull(fc.record({ size: count, everyMs: count })),
      transport: text,
      mqttClient: text,
      tlsVersionMin: text,
      tlsVersionMax: text,
      tlsVersion: orNull(text),
      pollDelayMs: count,
      pollDelayMinMs: count,
      governor: fc.boolean(),
      node: text,
      openssl: text,
      platform: text,
      cpu: orNull(text),
      cores: count,
      memoryBytes: count,
    }),
  ),
  agents: agentRecords,
});

const range = fc.tuple(count, count).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const grant: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('grant' as const),
  atMs: ms,
  round: count,
  sequence: whole,
  rows: fc.array(range),
});

const selection: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('selection' as const),
  rows: fc.array(range),
});

const sample: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('sample' as const),
  atMs: ms,
  overMs: ms,
  inFlight: count,
  outstanding: count,
  launched: count,
  settled: count,
  throttles: count,
  startLagMaxMs: orNull(ms),
  loopDelayMaxMs: fc.array(ms),
  cpuShare: ms,
  emulatorCpuShare: orNull(ms),
  fileDescriptors: orNull(count),
  rssBytes: whole,
  suspendedMs: ms,
  saturatedMs: ms,
  rateAllowedPerSecond: orNull(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })),
  epochAtZeroMs: orNull(fc.integer({ min: 0 })),
  agents: fc.array(
    fc.record({
      name: text,
      workers: fc.array(count),
      inFlight: count,
      launched: count,
      startLagMaxMs: orNull(ms),
      loopDelayMaxMs: ms,
      saturatedMs: ms,
      cpuShare: ms,
      rssBytes: whole,
      fileDescriptors: orNull(count),
      offsetMs: ms,
      offsetUncertaintyMs: ms,
      isLost: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  joinedAgents: agentRecords,
});

const end: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constant('end' as const),
  atMs: ms,
  reason: fc.constantFrom(...END_REASONS),
  message: orNull(text),
});

describe('a record and its line', () => {
  it.each(
    Object.entries({ session, selection, grant, outcome, sample, end }),
  )('%s: reads back what was written', (_, records) => {
    fc.assert(
      fc.property(records, (record) => {
        const line = encodeJournalLine(record);
        expect(line).not.toContain('\n');
        // JSON has one zero, so -0 is the same as 0.
        expect(JSON.stringify(decodeJournalLine(line))).toBe(JSON.stringify(record));
      }),
    );
  });

  it('writes an outcome with short names, and leaves out what is absent', () => {
    const record = outcomeRecord(7, {
      intendedAtMs: 12.5,
      startedAtMs: 12.9,
      finishedAtMs: 3210.0041,
      otherValues: [],
    });
    expect(encodeJournalLine(record)).toBe(
      '{"kind":"outcome","row":7,"seq":7,"id":"dev-000007","result":"assigned","hub":"hub-b.azure-devices.net",' +
        '"device":"dev-000007","substatus":"initialAssignment","attempts":1,"registers":1,"polls":1,' +
        '"operation":"4.0b1c2d3e4f5a6b7c.00000000-0000-4000-8000-000000000007",' +
        '"created":"2026-01-02T03:04:06.1234567Z","updated":"2026-01-02T03:04:06.3334567Z",' +
        '"intended":12.5,"started":12.9,"finished":3210.004,"waited":3000,"phases":[1,5,2,2,180,3010]}',
    );
  });

  it('writes nothing of agents where the workers are threads, and the name of the agent that registered a device', () => {
    for (const record of [sessionRecord(), outcomeRecord(0), sampleRecord(1_000)]) {
      expect(encodeJournalLine(record)).not.toMatch(/agent/i);
      expect(decodeJournalLine(encodeJournalLine(record))).toEqual(record);
    }
    expect(encodeJournalLine(outcomeRecord(0, { agent: 'west-1' }))).toMatch(/,"agent":"west-1"\}$/);
  });

  it('refuses to write a time that is not a number', () => {
    expect(() => encodeJournalLine(outcomeRecord(0, { finishedAtMs: Number.NaN }))).toThrow('NaN');
  });
});

const change = (record: JournalRecord, from: string | RegExp, to: string): string => {
  const line = encodeJournalLine(record);
  const changed = line.replace(from, to);
  expect(changed).not.toBe(line);
  return changed;
};

it('reads a session written by a dpsload that did not record the load shape', () => {
  const line = change(sessionRecord({ ratePerSecond: 10 }), '"loadShape":"closed",', '');
  expect(decodeJournalLine(line)).toEqual(sessionRecord({ loadShape: null, ratePerSecond: 10 }));
});

describe('a line that is no record', () => {
  it.each([
    ['', 'is not JSON'],
    ['{"kind":"outcome","row":1', 'is not JSON'],
    ['null', 'is not a JSON object'],
    ['[1]', 'is not a JSON object'],
    ['{}', 'has no known record kind'],
    ['{"kind":"toString"}', 'has no known record kind'],
    ['{"kind":"end","atMs":1}', 'is not a valid end record: reason is missing'],
    [change(sessionRecord(), '"version":1', '"version":2'), 'has journal version 2; this dpsload reads version 1'],
    [
      change(sessionRecord(), '"rows":10', '"rows":"10"'),
      'is not a valid session record: fleet rows is not a whole number from 0',
    ],
    [
      change(sessionRecord(), '["Site"]', '["Site",3]'),
      'is not a valid session record: fleet otherColumns [1] is not a string',
    ],
    [change(outcomeRecord(1), '"row":1,', ''), 'is not a valid outcome record: row is missing'],
    [
      change(outcomeRecord(1), '"row":1', '"row":1.5'),
      'is not a valid outcome record: row is not a whole number from 0',
    ],
    [
      change(outcomeRecord(1), '"assigned"', '"lost"'),
      'is not a valid outcome record: result is not one of assigned, failed,',
    ],
    [
      change(outcomeRecord(1), /"phases":\[1,/, '"phases":['),
      'is not a valid outcome record: phases is not a list of 6',
    ],
    [change(grantRecord(3, 4), '[3,4]', '[4,3]'), 'is not a valid grant record: rows [0] is not a range of rows'],
    [change(sampleRecord(1), '[4.5,', '["4.5",'), 'is not a valid sample record: loopDelayMaxMs [0] is not a number'],
  ])('%s', (line, message) => {
    expect(() => decodeJournalLine(line)).toThrow(JournalFormatError);
    expect(() => decodeJournalLine(line)).toThrow(message);
  });
});
