import { describe, expect, it } from 'vitest';
import { AllocationCounts } from '../../src/allocation/allocation-counts.ts';
import { type AllocationExpectation, expectedMovement } from '../../src/allocation/allocation-expectation.ts';
import { type AllocationJudgement, judgeAllocation } from '../../src/allocation/judge-allocation.ts';
import { DeviceHistory, type HubChange, MovementCounts } from '../../src/allocation/movement.ts';
import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import type { RegistrationOutcome, RegistrationResult } from '../../src/registration/registration-outcome.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { HUBS, notAssigned, outcomeRecord, sessionRecord } from '../support/sample-journal.ts';

const [A, B, C] = HUBS;

function judge(
  outcomes: readonly OutcomeRecord[],
  changes: Partial<AllocationExpectation> = {},
  region: string | null = null,
): AllocationJudgement {
  const expectation = { ...EVEN_THIRDS, ...changes };
  const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
  const [counts, movement] = [new AllocationCounts(expectation.by), new MovementCounts()];
  for (const outcome of outcomes) {
    const step = history.step(outcome);
    counts.add(step, region);
    movement.add(step);
  }
  return judgeAllocation(expectation, counts.cohorts(), movement.result());
}

/** Devices that come to the hubs in turn. */
function fleet(rows: number, change: (row: number) => Partial<RegistrationOutcome> = () => ({})): OutcomeRecord[] {
  return Array.from({ length: rows }, (_, row) => outcomeRecord(row, change(row)));
}

const verdicts = ({ cohorts }: AllocationJudgement) =>
  cohorts.map(({ name, verdict, hubs }) => [name, verdict, hubs.map(({ reason }) => reason)]);

describe('a fleet', () => {
  it('that is spread as expected passes, hub by hub and as a whole', () => {
    const { verdict, cohorts, chiSquare, unassignedShare } = judge(fleet(15_000));
    expect([verdict, unassignedShare]).toEqual(['pass', 0]);
    expect(cohorts[0]?.hubs.map(({ hub, count, share }) => [hub, count, share])).toEqual(
      HUBS.map((hub) => [hub, 5_000, 1 / 3]),
    );
    expect(chiSquare).toMatchObject({ statistic: 0, degreesOfFreedom: 2, pValue: 1 });
  });

  it.each<[string, (row: number) => Partial<RegistrationOutcome>, string, readonly string[]]>([
    [
      'leaves a hub out',
      (row) => ({ assignedHub: [A, B][row % 2] ?? null }),
      'fail',
      ['outside', 'outside', 'missing'],
    ],
    [
      'sends one device elsewhere',
      (row) => (row === 7 ? { assignedHub: 'elsewhere.azure-devices.net' } : {}),
      'fail',
      ['within', 'within', 'within', 'not-expected'],
    ],
    [
      'names its hubs in capitals',
      (row) => ({ assignedHub: (HUBS[row % 3] ?? A).toUpperCase() }),
      'pass',
      ['within', 'within', 'within'],
    ],
    [
      'leaves more than a hundredth without a hub',
      (row) => (row % 90 === 0 ? notAssigned({ result: 'failed', errorCode: '400207' }) : {}),
      'inconclusive',
      ['unassigned', 'unassigned', 'unassigned'],
    ],
    [
      'leaves less than a hundredth without a hub',
      (row) => (row % 120 === 0 ? notAssigned({ result: 'failed', errorCode: '400207' }) : {}),
      'pass',
      ['within', 'within', 'within'],
    ],
    [
      'leaves many without a hub and sends one where none is to be',
      (row) =>
        row % 50 === 0
          ? notAssigned({ result: 'failed' })
          : row === 7
            ? { assignedHub: 'elsewhere.azure-devices.net' }
            : {},
      'fail',
      ['unassigned', 'unassigned', 'unassigned', 'not-expected'],
    ],
  ])('that %s is seen', (_, change, verdict, reasons) => {
    const judged = judge(fleet(15_000, change));
    expect([judged.verdict, judged.cohorts[0]?.hubs.map(({ reason }) => reason)]).toEqual([verdict, reasons]);
  });

  it('is judged by first assignments alone', () => {
    // Devices that the service knew before all are at one hub: nothing that its policy does now.
    const known: Partial<RegistrationOutcome> = { assignedHub: A, substatus: 'reprovisionedToInitialAssignment' };
    const old: Partial<RegistrationOutcome> = { assignedHub: A, serviceCreatedAt: '2025-01-01T00:00:00.0000000Z' };
    const judged = judge(fleet(21_000, (row) => (row < 3_000 ? known : row < 6_000 ? old : {})));
    expect([judged.verdict, judged.cohorts[0]?.initial]).toEqual(['pass', 15_000]);
  });

  it('counts a device whose first answer was lost, and who is told that it was registered before', () => {
    const again = { possiblyTwice: true, substatus: 'reprovisionedToInitialAssignment' };
    expect(judge(fleet(15_000, () => again)).cohorts[0]?.initial).toBe(15_000);
  });

  it('without a device says nothing', () => {
    const { verdict, unassignedShare, chiSquare } = judge([]);
    expect([verdict, unassignedShare, chiSquare]).toEqual(['inconclusive', null, null]);
  });
});

describe('cohorts', () => {
  const one = (hub: string) => [{ hub, weight: 1 }];

  it('of groups are judged each by its own hubs, others not at all', () => {
    const group = (row: number) => ['line-a', 'line-b', 'line-c'][row % 3] ?? null;
    const cohorts = [
      { name: 'line-a', hubs: one(A) },
      { name: 'line-b', hubs: one(C) },
    ];
    const judged = judge(
      fleet(3_000, (row) => ({ group: group(row) })),
      { by: 'group', cohorts },
    );
    expect(verdicts(judged)).toEqual([
      ['line-a', 'pass', ['within']],
      ['line-b', 'fail', ['missing', 'not-expected']],
    ]);
    expect([judged.verdict, judged.unjudged]).toEqual(['fail', 1_000]);
  });

  it('of a region are those of the run', () => {
    const cohorts = [
      { name: 'europe', hubs: one(A) },
      { name: 'america', hubs: one(B) },
    ];
    const judged = judge(
      fleet(1_000, () => ({ assignedHub: A })),
      { by: 'region', cohorts },
      'europe',
    );
    expect(verdicts(judged)).toEqual([['europe', 'pass', ['within']]]);
  });

  it('of rows are the devices that expect one hub', () => {
    const expecting = (row: number) => ({ expectedHub: (HUBS[row % 3] ?? A).toUpperCase() });
    expect(judge(fleet(3_000, expecting), { by: 'row', cohorts: [] }).verdict).toBe('pass');
    const swapped = fleet(3_000, (row) => ({
      ...expecting(row),
      assignedHub: HUBS[(row + (row < 2 ? 1 : 0)) % 3] ?? A,
    }));
    expect(judge(swapped, { by: 'row', cohorts: [] }).verdict).toBe('fail');
    expect(judge(fleet(9, expecting), { by: 'row', cohorts: [] }).verdict).toBe('inconclusive');
  });

  it('as another run had them, are compared sample with sample', () => {
    const asRun = 'results/before';
    const earlier = (weights: readonly number[]) => ({
      asRun,
      cohorts: [{ name: '', hubs: HUBS.map((hub, index) => ({ hub, weight: weights[index] ?? 0 })) }],
    });
    expect(judge(fleet(30_000), earlier([10_000, 10_000, 10_000]))).toMatchObject({ verdict: 'pass', asRun });
    expect(judge(fleet(30_000), earlier([10, 10, 10])).verdict).toBe('inconclusive');
    expect(judge(fleet(30_000), earlier([20_000, 10_000, 10_000])).verdict).toBe('fail');
    // A hub that had none by chance may have some now.
    expect(
      judge(
        fleet(30, (row) => ({ assignedHub: row < 29 ? A : B })),
        earlier([30, 0, 0]),
      ).verdict,
    ).toBe('inconclusive');
  });
});

describe('devices that had a hub', () => {
  /** Two rounds of a fleet; those whose row is below `moving` are elsewhere in the second. */
  function rounds(rows: number, moving: number, substatus: string): OutcomeRecord[] {
    return fleet(rows).flatMap((first) => {
      const isMoving = first.row < moving;
      const hub = isMoving ? HUBS[(first.row + 1) % 3] : first.assignedHub;
      const again = isMoving ? substatus : 'reprovisionedToInitialAssignment';
      return [first, { ...first, round: 2, assignedHub: hub ?? null, substatus: again }];
    });
  }
  const movementOf = (outcomes: readonly OutcomeRecord[], changes: Partial<AllocationExpectation>) => {
    const { movement } = judge(outcomes, changes);
    return movement && [movement.verdict, movement.reason, movement.moved];
  };

  it.each<[string, OutcomeRecord[], Partial<AllocationExpectation>, unknown]>([
    ['stay', rounds(5_000, 0, ''), { reprovision: 'never' }, ['pass', 'within', 0]],
    [
      'should stay, and one moves',
      rounds(5_000, 1, 'deviceDataMigrated'),
      { reprovision: 'never' },
      ['fail', 'substatus', 1],
    ],
    [
      'should stay while hubs do, and one moves',
      rounds(5_000, 1, 'deviceDataMigrated'),
      { moved: 0 },
      ['fail', 'not-expected', 1],
    ],
    [
      'should move, and do',
      rounds(5_000, 1_250, 'deviceDataMigrated'),
      { reprovision: 'migrate', moved: 0.25 },
      ['pass', 'within', 1_250],
    ],
    [
      'should move, and the policy is never',
      rounds(5_000, 0, ''),
      { reprovision: 'migrate', moved: 0.25 },
      ['fail', 'missing', 0],
    ],
    [
      'should move with their data, and lose it',
      rounds(5_000, 1_250, 'deviceDataReset'),
      {
        reprovision: 'migrate',
        moved: 0.25,
      },
      ['fail', 'substatus', 1_250],
    ],
    [
      'are too few to tell',
      rounds(20, 5, 'deviceDataMigrated'),
      { reprovision: 'migrate', moved: 0.25 },
      ['inconclusive', 'too-few', 5],
    ],
    ['are none', fleet(100), { reprovision: 'migrate', moved: 0.25 }, ['inconclusive', 'too-few', 0]],
  ])('and %s', (_, outcomes, changes, expected) => {
    expect(movementOf(outcomes, changes)).toEqual(expected);
  });

  it('before the run are known by what the service says', () => {
    const words = ['deviceDataMigrated', 'deviceDataReset', 'reprovisionedToInitialAssignment'];
    const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
    const counts = new MovementCounts();
    for (const outcome of fleet(30, (row) => ({ substatus: words[row % 3] ?? null })))
      counts.add(history.step(outcome));
    expect(counts.result()).toEqual({
      changes: { kept: 10, moved: 20, lost: 0 },
      changedDeviceId: 0,
      substatus: { deviceDataMigrated: 10, deviceDataReset: 10, reprovisionedToInitialAssignment: 10 },
      movedSubstatus: { deviceDataMigrated: 10, deviceDataReset: 10 },
    });
  });

  it('and lose it, or get another device ID, are counted', () => {
    const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
    const counts = new MovementCounts();
    const [first, second] = [outcomeRecord(0), outcomeRecord(1)];
    const lost = { ...second, round: 2, ...notAssigned({ result: 'failed' }) };
    for (const outcome of [first, { ...first, round: 2, deviceId: 'new' }, second, lost]) {
      counts.add(history.step(outcome));
    }
    expect(counts.result()).toMatchObject({ changes: { kept: 1, moved: 0, lost: 1 }, changedDeviceId: 1 });
  });

  it('are counted once however many rounds they have, and as movers when they moved in one of them', () => {
    const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
    const counts = new MovementCounts();
    const hubOf = (row: number, round: number): string => (row < 5 && round > 4 ? 'elsewhere.azure-devices.net' : A);
    for (let row = 0; row < 20; row += 1) {
      for (let round = 1; round <= 17; round += 1) {
        const substatus = row < 5 && round === 5 ? 'deviceDataMigrated' : 'reprovisionedToInitialAssignment';
        counts.add(history.step(outcomeRecord(row, { round, assignedHub: hubOf(row, round), substatus })));
      }
    }
    expect(counts.result()).toEqual({
      changes: { kept: 15, moved: 5, lost: 0 },
      changedDeviceId: 0,
      substatus: { reprovisionedToInitialAssignment: 20 },
      movedSubstatus: { deviceDataMigrated: 5 },
    });
  });

  it('are too few to tell that nobody moves, however many rounds they have', () => {
    const rounds = Array.from({ length: 17 }, (_, n) => n + 1);
    const outcomes = fleet(20).flatMap((first) => rounds.map((round) => ({ ...first, round })));
    expect(judge(outcomes, { reprovision: 'never', tolerance: 0.05 }).movement).toMatchObject({
      known: 20,
      moved: 0,
      verdict: 'inconclusive',
    });
  });
});

describe('a device that had a hub', () => {
  it.each<[RegistrationResult, HubChange | null]>([
    ['failed', 'lost'],
    ['disabled', 'lost'],
    ['refused', null],
    ['throttled', null],
    ['timed-out', null],
    ['disconnected', null],
    ['cancelled', null],
    ['not-started', null],
    ['unknown', null],
  ])('and whose next registration ends as %s: %s', (result, change) => {
    const again = { ...outcomeRecord(0), round: 2, ...notAssigned({ result }) };
    const history = new DeviceHistory(sessionRecord().startedAtEpochMs);
    const steps = [outcomeRecord(0), again].map((outcome) => history.step(outcome));
    expect(steps.map((step) => step.change)).toEqual([null, change]);
    // It is none of those that never came to a hub.
    expect(judge([outcomeRecord(0), again]).unassignedShare).toBe(0);
  });
});

describe('the movement that is to be expected', () => {
  const weights = (...values: readonly number[]) => values.map((weight, index) => ({ hub: `hub-${index}`, weight }));

  it.each([
    ['a hub is added to three', weights(1, 1, 1, 0), weights(1, 1, 1, 1), 1 / 4, 1 - 3 / 12],
    ['one of three is removed', weights(1, 1, 1), weights(1, 1), 1 / 3, 1 - 2 / 6],
    ['a weight is doubled', weights(1, 1), weights(2, 1), 1 / 6, 1 / 2],
    ['nothing changes', weights(3, 1), weights(6, 2), 0, 1 - 10 / 16],
  ])('when %s', (_, before, after, least, redrawn) => {
    const movement = expectedMovement(before, after);
    expect(movement.least).toBeCloseTo(least, 12);
    expect(movement.redrawn).toBeCloseTo(redrawn, 12);
  });
});
