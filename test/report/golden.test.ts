import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import { paletteFor } from '../../src/cli/view/colors.ts';
import type { EndReason, OutcomeRecord, SessionRecord } from '../../src/journal/journal-record.ts';
import { AgentResults } from '../../src/metrics/agent-results.ts';
import { AgentsFold } from '../../src/metrics/agents-fold.ts';
import { LoadGeneratorHealth } from '../../src/metrics/load-generator-health.ts';
import { compareRuns } from '../../src/report/compare-runs.ts';
import { comparisonText } from '../../src/report/comparison-text.ts';
import { DeviceComparisonFold, type DeviceResult } from '../../src/report/device-comparison.ts';
import { junitXml } from '../../src/report/junit-xml.ts';
import type { Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { AGENTS, agentsJournal } from '../support/agents-journal.ts';
import { EVEN_THIRDS, summaryFrom } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, sessionOf, stalledTimes } from '../support/sample-journal.ts';

type Run = {
  readonly session?: Partial<SessionRecord>;
  readonly resumed?: boolean;
  /** `null` = the journal has no end. */
  readonly end?: EndReason | null;
  readonly message?: string | null;
  readonly warnings?: readonly string[];
};

function summaryOf(outcomes: readonly OutcomeRecord[], run: Run = {}): Summary {
  const { session = {}, resumed = false, end = 'completed', message = null, warnings = [] } = run;
  const first = sessionOf(outcomes.length, session);
  const second = { ...first, session: 2, startedAtEpochMs: first.startedAtEpochMs + 3_600_000 };
  return summaryFrom(outcomes, session, {
    sessions: resumed ? [first, second] : [first],
    end: end === null ? null : { kind: 'end', atMs: 5000, reason: end, message },
    files: end === null ? null : [{ name: 'registrations.csv', sha256: 'cd'.repeat(32) }],
    journalDigests: end === null ? null : [{ name: 'journal.ndjson', sha256: 'ef'.repeat(32) }],
    warnings,
  });
}

const assigned = (count: number, hubOf: (row: number) => string = (row) => HUBS[row % 3] as string) =>
  Array.from({ length: count }, (_, row) => outcomeRecord(row, { assignedHub: hubOf(row) }));

/** The load generator may have delayed the answers of the first twenty devices by 150 ms. */
const stalled = (outcomes: readonly OutcomeRecord[]) =>
  outcomes.map((outcome) =>
    outcome.row >= 20
      ? outcome
      : {
          ...outcome,
          finishedAtMs: (outcome.finishedAtMs ?? 0) + 150,
          phases: { ...outcome.phases, acceptedMs: 330 },
          stalled: stalledTimes({ serviceMs: 150, acceptedMs: 150 }),
        },
  );

const failures = [
  ['refused', '401000', 'Unauthorized'],
  ['throttled', '429001', null],
  ['timed-out', 'deadline', null],
] as const;

const someFailed = [
  ...assigned(1197),
  ...failures.map(([result, errorCode, errorMessage], index) =>
    outcomeRecord(
      1197 + index,
      notAssigned({ result, errorCode, errorMessage, throttles: index, possiblyTwice: true }),
    ),
  ),
];

const stoppedMidway = [
  ...assigned(4),
  outcomeRecord(4, notAssigned({ result: 'cancelled' })),
  outcomeRecord(5, notAssigned({ result: 'not-started', startedAtMs: null, finishedAtMs: null })),
  outcomeRecord(6, notAssigned({ result: 'unknown', startedAtMs: null, finishedAtMs: null })),
];

/** Devices that had a hub before, of which every tenth moved. */
const knownBefore = Array.from({ length: 300 }, (_, row) =>
  outcomeRecord(row, {
    substatus: row % 10 === 0 ? 'deviceDataMigrated' : 'reprovisionedToSameHub',
    serviceCreatedAt: '2025-06-01T00:00:00Z',
  }),
);

const expecting = (changes: Partial<AllocationExpectation>): Run => ({
  session: { allocation: { ...EVEN_THIRDS, ...changes } },
});

/** A run on three agents, of which one was slow for a while and one was lost for a while. */
function onAgents(): Summary {
  const journal = agentsJournal();
  const outcomes = journal.filter((record): record is OutcomeRecord => record.kind === 'outcome');
  const agents = new AgentsFold();
  agents.introduce(AGENTS);
  const agentResults = new AgentResults(agents.labels);
  const health = new LoadGeneratorHealth();
  for (const record of journal) {
    if (record.kind === 'sample') for (const fold of [agents, health]) fold.add(record, 0);
    if (record.kind === 'outcome') for (const fold of [agents, health]) fold.addOutcome(record, 0);
  }
  for (const outcome of outcomes) {
    agentResults.add(outcome);
    const agentLabels = AGENTS.find(({ name }) => name === outcome.agent)?.labels ?? {};
    agentResults.addRow({ ...outcome, state: 'assigned', agentLabels, isNamed: true });
  }
  const session = journal.find((record): record is SessionRecord => record.kind === 'session');
  return summaryFrom(outcomes, session, { agents, agentResults, health });
}

describe('the text of a summary', () => {
  it.each<[string, Summary]>([
    ['all-assigned', summaryOf(assigned(1))],
    ['some-failed', summaryOf(someFailed, { warnings: ['1 row was rejected'] })],
    ['stopped', summaryOf(stoppedMidway, { end: 'interrupted' })],
    ['resumed', summaryOf(assigned(4), { resumed: true })],
    ['stopped-unreachable', summaryOf([], { end: 'unreachable', message: 'no device connected' })],
    ['not-finished', summaryOf(stoppedMidway, { end: null })],
    ['limited', summaryOf(stalled(assigned(200)), { session: { loadShape: 'rate', ratePerSecond: 100 } })],
    ['thresholds-passed', summaryOf(assigned(30), { session: { thresholds: ['p95(service) < 3s'] } })],
    [
      'thresholds-failed',
      summaryOf(stalled(someFailed), {
        session: {
          thresholds: [
            'count(failed) == 0',
            'p95(service) < 3s',
            'max(service) < 300ms',
            'time_to(100%) < 1m',
            'moved < 1%',
          ],
        },
      }),
    ],
    ['allocation-pass', summaryOf(assigned(9000), expecting({}))],
    [
      'allocation-fail',
      summaryOf(
        assigned(9000, (row) => HUBS[row % 2] as string),
        expecting({}),
      ),
    ],
    ['allocation-inconclusive', summaryOf(assigned(30), expecting({ policy: null }))],
    ['movement', summaryOf(knownBefore, expecting({ reprovision: 'reset', moved: 0.1 }))],
    ['agents', onAgents()],
  ])('%s', async (name, summary) => {
    await expect(summaryText(summary)).toMatchFileSnapshot(`golden/summary-${name}.txt`);
    expect(stripVTControlCharacters(summaryText(summary, paletteFor(true)))).toBe(summaryText(summary));
  });
});

describe('the text of a comparison', () => {
  const slow = someFailed.map((outcome) => ({ ...outcome, finishedAtMs: (outcome.finishedAtMs ?? 0) + 400 }));
  const device = (row: number, changes: Partial<DeviceResult> = {}): DeviceResult => ({
    registrationId: `dev-${row}`,
    round: '1',
    result: 'assigned',
    assignedHub: HUBS[0],
    deviceId: `dev-${row}`,
    substatus: 'initialAssignment',
    serviceMs: 200,
    ...changes,
  });
  it.each<[string, Summary, number]>([
    ['same', summaryOf(assigned(30)), 0.1],
    ['worse', summaryOf(stalled(slow), { session: { workers: 3 } }), 0.05],
  ])('%s', async (name, other, tolerance) => {
    const devices = new DeviceComparisonFold(tolerance);
    devices.add(device(0), device(0));
    devices.add(device(1), device(1, { assignedHub: HUBS[1], deviceId: 'another' }));
    devices.add(device(2), device(2, { result: 'failed', assignedHub: '' }));
    const runs = [
      { folder: 'runs/before', summary: summaryOf(assigned(30)), machine: null, blocks: null },
      { folder: 'runs/after', summary: other, machine: null, blocks: null },
    ];
    const comparison = compareRuns({ runs, baselines: 1, tolerance }, name === 'same' ? null : [devices.result()]);
    await expect(comparisonText(comparison)).toMatchFileSnapshot(`golden/comparison-${name}.txt`);
  });
});

it('the JUnit report of failed thresholds and a failed allocation', async () => {
  const summary = summaryOf(
    assigned(900, (row) => HUBS[row % 2] as string),
    { session: { allocation: EVEN_THIRDS, thresholds: ['count(failed) == 0', 'hubs == 3'] } },
  );
  await expect(junitXml(summary)).toMatchFileSnapshot('golden/junit-failed.xml');
});
