import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  amountCaps,
  bindingLimit,
  type CapacityDemand,
  type CapacitySupply,
  rateCaps,
} from '../../src/load/capacity.ts';

const DEMAND: CapacityDemand = {
  registrations: 10_000,
  devices: 10_000,
  concurrency: 100,
  launchesPerMinuteMax: Number.POSITIVE_INFINITY,
  quota: { perMinute: 750, evidence: '75% of 1000/min' },
  registrationSeconds: 3,
};
const SUPPLY: CapacitySupply = {
  fileDescriptors: 1_024,
  localPorts: 28_232,
  sourceAddresses: 1,
  existingRecords: 0,
  hubs: null,
};

describe('the binding limit', () => {
  it.each<[name: string, perMinute: number, demand: Partial<CapacityDemand>, supply: Partial<CapacitySupply>]>([
    ['quota', 750, {}, {}],
    ['concurrency', 200, { concurrency: 10 }, {}],
    ['load', 60, { launchesPerMinuteMax: 60 }, {}],
    [
      'hub identities',
      300,
      {},
      {
        hubs: [
          { name: 'a', tier: 'S1', units: 1 },
          { name: 'b', tier: 'S2', units: 2 },
        ],
      },
    ],
    ['quota', 750, {}, { hubs: [{ name: 'a', tier: 'S3', units: 1 }] }],
    ['concurrency', 2_000, { quota: null }, {}],
    // 28,232 ports, each for 63 s.
    ['local ports', 26_887, { quota: null, concurrency: 10_000 }, {}],
    ['local ports', 53_775, { quota: null, concurrency: 10_000 }, { sourceAddresses: 2 }],
    ['one registration', 200_000, { quota: null, concurrency: 10_000 }, { localPorts: null }],
    // A slot for each: more of them would change nothing.
    ['one registration', 400, { quota: null, registrations: 40, devices: 20 }, {}],
    ['one registration', 2_000, { quota: null, devices: 100 }, {}],
    ['concurrency', 2_000, { quota: null, devices: 101 }, {}],
  ])('is %s: %i a minute', (name, perMinute, demand, supply) => {
    const limit = bindingLimit(rateCaps({ ...DEMAND, ...demand }, { ...SUPPLY, ...supply }));
    expect([limit.name, Math.floor(limit.perMinute)]).toEqual([name, perMinute]);
  });

  it('is never above any of the limits', () => {
    const rates = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(rates, (all) => {
        const limits = all.map((perMinute) => ({ name: '', perMinute, evidence: '', remedy: '' }));
        expect(bindingLimit(limits).perMinute).toBe(Math.min(...all));
      }),
    );
  });
});

describe('amounts', () => {
  const amounts = (demand: Partial<CapacityDemand>, supply: Partial<CapacitySupply>) =>
    amountCaps({ ...DEMAND, ...demand }, { ...SUPPLY, ...supply }).map(({ name, needed, available }) => [
      name,
      needed,
      available,
    ]);

  it('are those of service and machine', () => {
    const hubs = [{ name: 'a', tier: 'S1', units: 1 }] as const;
    expect(amounts({}, { existingRecords: 5, sourceAddresses: 2, hubs })).toEqual([
      ['records', 10_005, 1_000_000],
      ['file descriptors', 164, 1_024],
      ['local ports', 100, 56_464],
      ['hub devices', 10_000, 1_000_000],
    ]);
  });

  it('that are not known are left out', () => {
    expect(amounts({}, { fileDescriptors: null, localPorts: null, existingRecords: null })).toEqual([
      ['records', 10_000, 1_000_000],
    ]);
  });

  it('of registrations do not count rounds as devices', () => {
    expect(amounts({ registrations: 5_000_000, devices: 500_000 }, {})[0]).toEqual(['records', 500_000, 1_000_000]);
  });
});
