import { describe, expect, it } from 'vitest';
import { HubSampler } from '../../src/hub/hub-sample.ts';

type Device = { readonly row: number; readonly hub: string; readonly wasChecked?: boolean; readonly isGone?: boolean };

function sampleOf(devices: readonly Device[], share: number, seed = 1) {
  const sampler = new HubSampler(share, seed);
  for (const { row, hub, wasChecked = false, isGone = false } of devices) {
    sampler.add({ row, registrationId: `dev-${row}`, hub, wasChecked, isGone });
  }
  const sample = sampler.sample();
  return { ...sample, rows: devices.map(({ row }) => row).filter((row) => sample.has(row)) };
}

const fleet = (count: number, hubOf: (row: number) => string = () => 'a'): readonly Device[] =>
  Array.from({ length: count }, (_, row) => ({ row, hub: hubOf(row) }));

describe('the sample of a hub check', () => {
  it('is the share of each hub, rounded up', () => {
    const { hubs, rows } = sampleOf(
      fleet(300, (row) => (row % 3 === 0 ? 'b' : 'a')),
      0.05,
    );
    expect(hubs).toEqual([
      { hub: 'a', devices: 200, sampled: 10 },
      { hub: 'b', devices: 100, sampled: 5 },
    ]);
    expect(rows).toHaveLength(15);
  });

  it('has at least one device of each hub, and all with a share of 1', () => {
    const devices = fleet(101, (row) => (row === 100 ? 'small' : 'large'));
    expect(sampleOf(devices, 0.001).rows).toHaveLength(2);
    expect(sampleOf(devices, 0.001).has(100)).toBe(true);
    expect(sampleOf(devices, 1).rows).toHaveLength(101);
  });

  it('is the same again, and another one with another seed', () => {
    const devices = fleet(1_000);
    const { rows } = sampleOf(devices, 0.05);
    expect(sampleOf(devices.toReversed(), 0.05).rows.toSorted((a, b) => a - b)).toEqual(rows);
    expect(sampleOf(devices, 0.05, 2).rows).not.toEqual(rows);
  });

  it('is not a run of neighbours, which would come from one line of the factory', () => {
    const { rows } = sampleOf(fleet(10_000), 0.05);
    const halves = rows.filter((row) => row < 5_000).length;
    expect(halves).toBeGreaterThan(200);
    expect(halves).toBeLessThan(300);
  });

  it('has no device whose hub has ended, unless it was checked before', () => {
    const devices = fleet(100).map((device) => ({ ...device, isGone: device.row < 50, wasChecked: device.row < 3 }));
    const { hubs, rows } = sampleOf(devices, 0.1);
    expect(hubs).toEqual([{ hub: 'a', devices: 100, sampled: 10 }]);
    expect(rows.slice(0, 3)).toEqual([0, 1, 2]);
    expect(rows.slice(3).every((row) => row >= 50)).toBe(true);
    expect(sampleOf(devices, 1).hubs).toEqual([{ hub: 'a', devices: 100, sampled: 53 }]);
  });

  it('keeps the devices that were checked before when the run has more', () => {
    const before = sampleOf(fleet(100), 0.05).rows;
    const more = fleet(200).map((device) => ({ ...device, wasChecked: before.includes(device.row) }));
    const { rows } = sampleOf(more, 0.05);
    expect(rows).toHaveLength(10);
    expect(rows).toEqual(expect.arrayContaining(before));
  });
});
