import { describe, expect, it } from 'vitest';
import { allocate, hubByWeightedHash } from '../../src/emulator/service/allocation.ts';
import type { DpsInstance, EnrollmentGroup, LinkedHub } from '../../src/emulator/service/dps-instance.ts';
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

describe('allocation policy', () => {
  const linkedHubs = [hub('a'), hub('b'), hub('reserve', 1, { applyAllocationPolicy: false })];
  const latencyRegions = [
    { sourceAddresses: ['127.0.1.*'], registrationIds: [], latenciesMs: { a: 20, b: 90 } },
    { sourceAddresses: [], registrationIds: ['east-*'], latenciesMs: { a: 120, b: 30 } },
    { sourceAddresses: [], registrationIds: ['tie-*'], latenciesMs: { a: 50, b: 50 } },
  ];

  function hubsOf(
    settings: Partial<EnrollmentGroup>,
    instance: Partial<DpsInstance>,
    ids: readonly string[],
    address = '::1',
  ) {
    const whole = emulatedInstance({ linkedHubs, latencyRegions, ...instance });
    const [group] = whole.enrollmentGroups;
    if (group === undefined) throw new Error('no group');
    const device = (key: string) => ({ key, sourceAddress: address });
    const names = ids.map((id) => allocate(whole, { ...group, ...settings }, device(id))?.hostName ?? null);
    return [...new Set(names)].sort();
  }

  const many = Array.from({ length: 100 }, (_, n) => `device-${n}`);

  it('leaves out hubs to which it does not apply, unless the enrollment names them', () => {
    expect(hubsOf({}, {}, many)).toEqual(['a', 'b']);
    expect(hubsOf({ iotHubs: ['reserve'] }, {}, many)).toEqual(['reserve']);
    expect(hubsOf({ iotHubs: ['a', 'reserve'] }, {}, many)).toEqual(['a', 'reserve']);
    expect(hubsOf({}, { linkedHubs: [] }, many)).toEqual([null]);
  });

  it('static: the named hub', () => {
    expect(hubsOf({ allocationPolicy: 'static', iotHubs: ['b'] }, {}, many)).toEqual(['b']);
    expect(hubsOf({ iotHubs: ['b'] }, { allocationPolicy: 'static' }, many)).toEqual(['b']);
    expect(hubsOf({ allocationPolicy: 'static' }, {}, many)).toEqual([null]);
  });

  it.each([
    ['by source address', many, '127.0.1.7', ['a']],
    ['by registration ID', many.map((id) => `east-${id}`), '::1', ['b']],
    ['by the hash when hubs are equally near', many.map((id) => `tie-${id}`), '::1', ['a', 'b']],
    ['by the hash when nobody knows where the device is', many, '::1', ['a', 'b']],
  ])('lowest latency: %s', (_, ids, address, expected) => {
    expect(hubsOf({ allocationPolicy: 'geoLatency' }, {}, ids, address)).toEqual(expected);
  });

  it("the enrollment's policy overrides the instance's", () => {
    const ids = many.map((id) => `east-${id}`);
    expect(hubsOf({}, { allocationPolicy: 'geoLatency' }, ids)).toEqual(['b']);
    expect(hubsOf({ allocationPolicy: 'hashed' }, { allocationPolicy: 'geoLatency' }, ids)).toEqual(['a', 'b']);
  });
});
