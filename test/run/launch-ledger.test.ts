import { describe, expect, it } from 'vitest';
import { LaunchLedger, type RowToLaunch } from '../../src/run/launch-ledger.ts';
import { listSource } from '../../src/run/waves.ts';
import { fleetRow, launch } from '../support/launches.ts';

const ROUND = 1;
const fleet = () => listSource([7, 8, 9].map(fleetRow));
const rowsOf = (launches: readonly { readonly row: number }[]): readonly number[] => launches.map(({ row }) => row);
const unplaced = (row: number, firstIntendedAtMs: number | null): RowToLaunch => ({
  ...fleetRow(row),
  round: ROUND,
  firstIntendedAtMs,
  afterOutage: false,
});

/** Two rows that came back: one that never was sent, one that was perhaps sent. */
function withTwoBack(): LaunchLedger {
  const ledger = new LaunchLedger();
  ledger.requeueUnsent(launch(1, 100));
  ledger.requeuePossiblySent(launch(2, 200));
  return ledger;
}

describe('what is taken next', () => {
  it('is what came back, in its order, and then new rows as long as there are any', async () => {
    const [ledger, source] = [withTwoBack(), fleet()];
    expect(rowsOf(await ledger.take(1, source, ROUND))).toEqual([1]);
    expect(rowsOf(await ledger.take(3, source, ROUND))).toEqual([2, 7, 8]);
    expect(rowsOf(await ledger.take(3, source, ROUND))).toEqual([9]);
    expect(await ledger.take(3, source, ROUND)).toEqual([]);
  });

  it('has its first start yet to come, unless it was perhaps sent: that counts from then on', async () => {
    const taken = await withTwoBack().take(3, fleet(), ROUND);
    expect(taken).toEqual([unplaced(1, null), unplaced(2, 200), unplaced(7, null)]);
  });

  it('has its first start behind it also when it was perhaps sent once, and then came back unsent', async () => {
    const ledger = withTwoBack();
    const [, sent] = await ledger.take(2, fleet(), ROUND);
    expect(sent).toEqual(unplaced(2, 200));
    ledger.requeueUnsent(launch(2, 900));
    expect(await ledger.take(1, fleet(), ROUND)).toEqual([{ ...unplaced(2, 200), afterOutage: true }]);
  });

  it('is a new row for a probe, and one that came back when there is no other', async () => {
    const [ledger, source] = [withTwoBack(), listSource([fleetRow(7)])];
    const probes = [];
    for (let probe = 0; probe < 4; probe += 1) probes.push(rowsOf(await ledger.takeProbe(source, ROUND)));
    expect(probes).toEqual([[7], [1], [2], []]);
  });
});

describe('what is released', () => {
  it('is settled once, with the launch that was released', () => {
    const ledger = new LaunchLedger();
    const released = launch(3, 300);
    ledger.released(0, [released]);
    expect(ledger.settle(3)).toBe(released);
    expect(() => ledger.settle(3)).toThrow('row 3 was settled without having been released');
  });

  it('is known by the worker that it is at', () => {
    const ledger = new LaunchLedger();
    ledger.released(0, [launch(1), launch(2)]);
    ledger.released(1, [launch(3)]);
    ledger.settle(1);
    expect(rowsOf(ledger.launchesOf(0))).toEqual([2]);
    ledger.settle(2);
    expect(ledger.launchesOf(0)).toEqual([]);
    expect(rowsOf(ledger.launchesOf(1))).toEqual([3]);
  });

  it('keeps the ledger from being empty, as what waits to be released again does', async () => {
    const ledger = new LaunchLedger();
    expect(ledger.isEmpty).toBe(true);
    ledger.released(0, [launch(1)]);
    expect(ledger.isEmpty).toBe(false);
    ledger.requeueUnsent(ledger.settle(1));
    expect(ledger.isEmpty).toBe(false);
    await ledger.take(1, fleet(), ROUND);
    expect(ledger.isEmpty).toBe(true);
  });
});
