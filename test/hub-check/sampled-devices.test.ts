import { describe, expect, it } from 'vitest';
import type { CheckedDevice } from '../../src/hub-check/check-stage.ts';
import { devicesLeft, drawSample, type Earlier } from '../../src/hub-check/sampled-devices.ts';
import type { PlacedHubCheck } from '../../src/journal/hub-check-journal.ts';
import { hubSession } from '../support/hub-check-journal.ts';

const HUB = 'hub-a.azure-devices.net';

async function* devices(count: number): AsyncGenerator<CheckedDevice> {
  for (let row = 0; row < count; row += 1) {
    const id = `dev-${row}`;
    yield { row, registrationId: id, deviceId: id, hub: HUB, assignedAtEpochMs: 0 };
  }
}

function earlier(checks: readonly (readonly [row: number, check: Omit<PlacedHubCheck, 'offset'>])[]): Earlier {
  const placed = new Map(checks.map(([row, check]) => [row, { ...check, offset: 0 }]));
  const survey = { file: 'hub-checks.ndjson', session: hubSession(), end: null, checks: placed, bytes: 0 };
  return { checks: survey, hubsSinceEpochMs: null };
}

const PASSED = { hub: HUB, result: 'passed' } as const;

describe('the sample of a later session', () => {
  it('counts the devices that have passed at their hub, and leaves them out', async () => {
    const before = earlier([
      [0, PASSED],
      [1, PASSED],
      [2, { hub: HUB, result: 'hub-late' }],
      [3, { hub: 'hub-b.azure-devices.net', result: 'passed' }],
    ]);
    const sample = await drawSample(devices(6), { share: 1, seed: 1 }, before);
    expect(sample.passedBefore).toBe(2);
    const rows: number[] = [];
    const fleet = (async function* () {
      for await (const { row, registrationId } of devices(6)) yield { row, registrationId } as never;
    })();
    for await (const { row } of devicesLeft(devices(6), fleet, sample, before)) rows.push(row);
    expect(rows).toEqual([2, 3, 4, 5]);
  });

  it('counts only those that are still in the sample', async () => {
    const before = earlier(Array.from({ length: 10 }, (_, row) => [row, PASSED] as const));
    expect((await drawSample(devices(10), { share: 0.3, seed: 1 }, before)).passedBefore).toBe(3);
    expect((await drawSample(devices(10), { share: 1, seed: 1 }, earlier([]))).passedBefore).toBe(0);
  });
});
