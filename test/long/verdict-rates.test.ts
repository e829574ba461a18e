import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import type { AllocationVerdict } from '../../src/allocation/allocation-verdict.ts';
import { devicesNeeded, type VerdictAim } from '../../src/allocation/fleet-size.ts';
import { judgeAllocation } from '../../src/allocation/judge-allocation.ts';
import { simultaneousWidth } from '../../src/allocation/share-interval.ts';
import { hubByWeightedHash } from '../../src/emulator/service/allocation.ts';
import { drawHubs } from '../support/draw-hubs.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';

const REPETITIONS = 500;

/** Stated, so that its complement is the rate of false alarms that is allowed. */
const CONFIDENCE = 0.95;

/** Three standard deviations of a rate of 95% that is counted so many times. */
const NOISE = 3 * Math.sqrt((CONFIDENCE * (1 - CONFIDENCE)) / REPETITIONS);

/** What the service does, against what is expected of it; weights hub by hub. */
type SetUp = {
  readonly expected: readonly number[];
  readonly actual: readonly number[];
  readonly tolerance: number;
};

function needed(aim: VerdictAim): number {
  const devices = devicesNeeded(aim);
  if (devices === null) throw new Error('no fleet is large enough');
  return devices;
}

/** The fleet that `dpsload check` asks for. */
function devicesFor({ expected, tolerance }: SetUp): number {
  const sum = expected.reduce((total, weight) => total + weight, 0);
  return needed({
    shares: expected.map((weight) => weight / sum),
    strangersFail: true,
    tolerance,
    width: simultaneousWidth(CONFIDENCE, expected.length),
    passes: CONFIDENCE,
    fails: CONFIDENCE,
    reference: null,
  });
}

/** Where the emulator sends a fleet: its own hash, weights and all. */
function hashHubs(devices: number, weights: readonly number[], fleet: number): readonly number[] {
  const hubs = weights.map((weight, index) => ({
    hostName: `hub-${index}.azure-devices.net`,
    weight,
    applyAllocationPolicy: true,
    identityLimit: null,
  }));
  const counts = weights.map(() => 0);
  for (let device = 0; device < devices; device += 1) {
    const winner = hubByWeightedHash(hubs, `fleet-${fleet}-device-${device}`);
    const hub = hubs.findIndex(({ hostName }) => hostName === winner?.hostName);
    counts[hub] = (counts[hub] ?? 0) + 1;
  }
  return counts;
}

function verdicts(
  setUp: SetUp,
  devices: number,
  draw = drawHubs,
  repetitions = REPETITIONS,
): Readonly<Record<AllocationVerdict, number>> {
  const hubs = setUp.expected.map((weight, index) => ({ hub: `hub-${index}`, weight }));
  const expectation: AllocationExpectation = {
    ...EVEN_THIRDS,
    policy: 'weighted',
    cohorts: [{ name: '', hubs }],
    tolerance: setUp.tolerance,
    confidence: CONFIDENCE,
  };
  const found = { pass: 0, fail: 0, inconclusive: 0 };
  for (let seed = 1; seed <= repetitions; seed += 1) {
    const drawn = draw(devices, setUp.actual, seed);
    const counts = new Map(
      drawn.map((count, index) => [`hub-${index}`, count] as const).filter(([, count]) => count > 0),
    );
    const cohort = { hubs: counts, initial: devices, unassigned: 0 };
    found[judgeAllocation(expectation, new Map([['', cohort]]), null).verdict] += 1;
  }
  return {
    pass: found.pass / repetitions,
    fail: found.fail / repetitions,
    inconclusive: found.inconclusive / repetitions,
  };
}

describe(`a set-up that is right, ${REPETITIONS} times with the fleet that it needs`, () => {
  it.each<[string, SetUp]>([
    ['three even hubs', { expected: [1, 1, 1], actual: [1, 1, 1], tolerance: 0.02 }],
    ['weights 2 to 1', { expected: [2, 1], actual: [2, 1], tolerance: 0.02 }],
    ['weights 8 to 1 to 1', { expected: [8, 1, 1], actual: [8, 1, 1], tolerance: 0.03 }],
    ['ten even hubs', { expected: Array(10).fill(1), actual: Array(10).fill(1), tolerance: 0.02 }],
    ['a static hub', { expected: [1], actual: [1], tolerance: 0.02 }],
  ])('passes, and never fails: %s', (_, setUp) => {
    const { pass, fail } = verdicts(setUp, devicesFor(setUp));
    expect(pass).toBeGreaterThanOrEqual(CONFIDENCE - NOISE);
    expect(fail).toBe(0);
  });

  it.each<[string, SetUp]>([
    ['two hubs', { expected: [1, 1], actual: [0.52, 0.48], tolerance: 0.02 }],
    ['three hubs', { expected: [1, 1, 1], actual: [1 / 3 + 0.02, 1 / 3 - 0.01, 1 / 3 - 0.01], tolerance: 0.02 }],
  ])('and is off by all of its tolerance is called wrong, or right, no more often than stated: %s', (_, setUp) => {
    const { fail, pass } = verdicts(setUp, devicesFor(setUp));
    expect(fail).toBeLessThanOrEqual(1 - CONFIDENCE);
    expect(pass).toBeLessThanOrEqual(1 - CONFIDENCE);
  });

  it('with a tenth of that fleet is left open, not called wrong', () => {
    const setUp = { expected: [1, 1, 1], actual: [1, 1, 1], tolerance: 0.02 };
    const { fail, inconclusive } = verdicts(setUp, Math.floor(devicesFor(setUp) / 10));
    expect(fail).toBe(0);
    expect(inconclusive).toBeGreaterThan(0.95);
  });
});

describe(`a set-up that is wrong, ${REPETITIONS} times with the fleet that it needs`, () => {
  it.each<[string, SetUp]>([
    // 50% become 52.4%: twice the tolerance.
    ['a weight is off by 10%', { expected: [1, 1], actual: [1, 1.1], tolerance: 0.0119 }],
    ['a weight is off by 10%, of three', { expected: [1, 1, 1], actual: [1.1, 1, 1], tolerance: 0.0107 }],
    ['a hub is left out', { expected: [1, 1, 1], actual: [1, 1, 0], tolerance: 0.1 }],
    ['a webhook always answers the first hub', { expected: [1, 1, 1], actual: [1, 0, 0], tolerance: 0.1 }],
    ['weights are ignored', { expected: [2, 1], actual: [1, 1], tolerance: 0.08 }],
  ])('fails: %s', (_, setUp) => {
    const { fail, pass } = verdicts(setUp, devicesFor(setUp));
    expect(fail).toBeGreaterThanOrEqual(CONFIDENCE - NOISE);
    expect(pass).toBe(0);
  });

  it('fails as often when the emulator itself has a weight that is off by 10%, and passes when it has not', () => {
    const FLEETS = 2;
    const setUp: SetUp = { expected: [10, 10], actual: [10, 11], tolerance: 0.0119 };
    const right: SetUp = { ...setUp, actual: [10, 10] };
    expect(verdicts(setUp, devicesFor(setUp), hashHubs, FLEETS)).toEqual({ pass: 0, fail: 1, inconclusive: 0 });
    expect(verdicts(right, devicesFor(right), hashHubs, FLEETS)).toEqual({ pass: 1, fail: 0, inconclusive: 0 });
  });

  it('fails: nobody moves where a third should', () => {
    const { movement } = judgeAllocation(
      { ...EVEN_THIRDS, cohorts: [], tolerance: 0.1, reprovision: 'migrate', moved: 1 / 3 },
      new Map(),
      { changes: { kept: 200, moved: 0, lost: 0 }, changedDeviceId: 0, substatus: {}, movedSubstatus: {} },
    );
    expect([movement?.verdict, movement?.reason]).toEqual(['fail', 'missing']);
  });
});
