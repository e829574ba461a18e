import { describe, expect, it } from 'vitest';
import { allocate, hubByWeightedHash } from '../../src/emulator/service/allocation.ts';
import type { EnrollmentGroup, LinkedHub } from '../../src/emulator/service/dps-instance.ts';
import { emulatedInstance } from '../support/emulated-instance.ts';

const IDS = 30_000;

const hub = (hostName: string, weight = 1, settings: Partial<LinkedHub> = {}): LinkedHub => ({
  hostName,
  weight,
  applyAllocationPolicy: true,
  identityLimit: null,
  ...settings,
});

/** The hub of each of `IDS` devices. */
function allocated(hubs: readonly LinkedHub[]): readonly (string | undefined)[] {
  return Array.from({ length: IDS }, (_, n) => hubByWeightedHash(hubs, `device-${n}`)?.hostName);
}

function countOf(values: readonly (string | undefined)[]): ReadonlyMap<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Five standard deviations of a binomial count: 1 in 1.7 million tests would fail by chance. */
const toleranceOf = (probability: number): number => 5 * Math.sqrt(IDS * probability * (1 - probability));

describe('weighted allocation of 30,000 IDs', () => {
  const abc = [hub('a'), hub('b'), hub('c')];
  const ofAbc = allocated(abc);

  it.each([[[1, 1, 1]], [[1, 2, 7]], [[1000, 1]]])('with weights %j gives each hub its share', (weights) => {
    const hubs = weights.map((weight, n) => hub(`hub-${n}`, weight));
    const counts = countOf(allocated(hubs));
    const sum = weights.reduce((a, b) => a + b, 0);
    for (const { hostName, weight } of hubs) {
      const share = weight / sum;
      expect(Math.abs((counts.get(hostName) ?? 0) - share * IDS)).toBeLessThan(toleranceOf(share));
    }
  });

  it('gives the same ID the same hub, whatever the order of the hubs', () => {
    expect(allocated([...abc].reverse())).toEqual(ofAbc);
  });

  it('moves about its share, and only to itself, when a hub is added', () => {
    const after = allocated([...abc, hub('d', 2)]);
    const moved = after.filter((hostName, n) => hostName !== ofAbc[n]);
    expect(new Set(moved)).toEqual(new Set(['d']));
    expect(Math.abs(moved.length - IDS * (2 / 5))).toBeLessThan(toleranceOf(2 / 5));
  });

  it('moves only the devices of a hub that is removed', () => {
    const after = allocated(abc.slice(0, 2));
    const moved = after.filter((hostName, n) => hostName !== ofAbc[n]);
    expect(moved.length).toBe(ofAbc.filter((hostName) => hostName === 'c').length);
  });
});

it('an instance may have the policy static, and enrollments a hub each', () => {
  const instance = emulatedInstance({ linkedHubs: [hub('a'), hub('b')], allocationPolicy: 'static' });
  const [group] = instance.enrollmentGroups as [EnrollmentGroup];
  const device = { key: 'device-1', sourceAddress: null };
  expect(allocate(instance, { ...group, iotHubs: ['b'] }, device)?.hostName).toBe('b');
});

it('a region may be one of registration IDs', () => {
  const latencyRegions = [{ sourceAddresses: [], registrationIds: ['east-*'], latenciesMs: { a: 120, b: 30 } }];
  const instance = emulatedInstance({
    linkedHubs: [hub('a'), hub('b')],
    latencyRegions,
    allocationPolicy: 'geoLatency',
  });
  const [group] = instance.enrollmentGroups as [EnrollmentGroup];
  expect(allocate(instance, group, { key: 'east-1', sourceAddress: null })?.hostName).toBe('b');
});
