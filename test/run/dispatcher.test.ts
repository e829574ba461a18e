import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import type { GrantRecord } from '../../src/journal/journal-record.ts';
import { Credits } from '../../src/load/credits.ts';
import { type Pace, paceOf } from '../../src/load/pace.ts';
import { Schedule, type ScheduleParts } from '../../src/load/schedule.ts';
import { readTime, StandstillWatch } from '../../src/load/standstill-watch.ts';
import type { Launch } from '../../src/registration/launch.ts';
import { Dispatcher, rowRanges } from '../../src/run/dispatcher.ts';
import { LaunchLedger } from '../../src/run/launch-ledger.ts';
import { fleetSource } from '../../src/run/waves.ts';
import { fleetRow } from '../support/launches.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

async function* fleet(rows: number): AsyncGenerator<FleetRow> {
  for (let row = 0; row < rows; row += 1) yield fleetRow(row);
}

/** A dispatcher whose disk is as slow as the test wants, and whose workers settle when the test says so. */
function observedDispatcher(rows: number, pace: Pace, credits: Credits, limits: Partial<ScheduleParts> = {}) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const grants: GrantRecord[] = [];
  const launches: { readonly worker: number; readonly launch: Launch }[] = [];
  const ledger = new LaunchLedger();
  const schedule = new Schedule({ pace, permits: null, endAtMs: Number.POSITIVE_INFINITY, ...limits });
  const standstill = new StandstillWatch(readTime(clock));
  let syncs: (() => void)[] = [];
  const dispatcher = new Dispatcher({
    clock,
    source: fleetSource(fleet(rows)),
    schedule,
    credits,
    ledger,
    round: 1,
    firstSequence: 0,
    writeGrant: (grant) => {
      grants.push(grant);
      log.push(`grant ${grant.sequence}`);
      return new Promise((resolve) => syncs.push(resolve));
    },
    launch: (worker, dealt) => {
      for (const launch of dealt) {
        log.push(`launch ${launch.sequence}`);
        launches.push({ worker, launch });
      }
    },
    takeBack: (launches) => {
      for (const launch of launches) {
        log.push(`take back ${launch.sequence}`);
        ledger.requeueUnsent(launch);
      }
    },
    outage: {
      get isOutage() {
        return schedule.isPaused;
      },
      wantsRow: () => credits.outstanding === 0,
      probeStarted: () => {},
      probeEnded: () => {},
      launchable: (count) => count,
    },
    lookAtTime: () => schedule.skip(standstill.look(readTime(clock)).standstillMs),
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const sync = async (): Promise<void> => {
    for (const done of syncs) done();
    syncs = [];
    await settled();
  };
  const advance = async (byMs: number): Promise<void> => {
    clock.advanceTo(clock.nowMs() + byMs);
    await settled();
  };
  /** The worker settles them, as if they had been registered. */
  const settle = (launched: readonly { readonly worker: number; readonly launch: Launch }[]): void => {
    for (const { worker, launch } of launched) {
      credits.settle(worker, 1);
      ledger.settle(launch.row);
    }
  };
  return { settle, ledger, schedule, clock, dispatcher, grants, launches, log, settled, sync, advance };
}

describe('dispatcher', () => {
  it('launches no row before its grant is on disk', async () => {
    const run = observedDispatcher(10, paceOf({ kind: 'closed' }, 0), new Credits([2], 2));
    void run.dispatcher.run();
    await run.settled();
    await run.advance(10_000);
    expect(run.log).toEqual(['grant 0']);
    await run.sync();
    expect(run.log).toEqual(['grant 0', 'launch 0', 'launch 1', 'launch 2', 'launch 3']);
  });

  it('grants every row once, in dense sequence, and says when there are no more', async () => {
    const credits = new Credits([3, 2], 5);
    const run = observedDispatcher(23, paceOf({ kind: 'closed' }, 0), credits);
    const ended = run.dispatcher.run();
    for (let turn = 0; turn < 20; turn += 1) {
      await run.settled();
      await run.sync();
      run.settle(run.launches.slice(turn * 10, turn * 10 + 10));
      await run.advance(100);
    }
    await expect(ended).resolves.toBe('exhausted');
    expect(run.launches.map(({ launch }) => launch.sequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 23 }, (_, index) => index),
    );
    expect(run.grants.flatMap(({ rows }) => rows).map(([first, last]) => last - first + 1)).toEqual([10, 10, 3]);
    expect(run.grants.map(({ sequence }) => sequence)).toEqual([0, 10, 20]);
  });

  it('releases no more than a window ahead of the pace, with each launch’s intended start', async () => {
    const run = observedDispatcher(1000, paceOf({ kind: 'rate', ratePerSecond: 10 }, 0), new Credits([500], 0));
    void run.dispatcher.run();
    await run.settled();
    await run.sync();
    // Half a second ahead at 10/s, and the launch that is due at that very moment.
    expect(run.launches).toHaveLength(6);
    expect(run.launches.map(({ launch }) => launch.intendedAtMs)).toEqual(
      Array.from({ length: 6 }, (_, index) => index * 100),
    );
    await run.advance(100);
    await run.sync();
    expect(run.launches).toHaveLength(7);
  });

  it('releases no backlog after a standstill: the pace goes on from there', async () => {
    const run = observedDispatcher(1000, paceOf({ kind: 'rate', ratePerSecond: 10 }, 0), new Credits([500], 0));
    void run.dispatcher.run();
    await run.settled();
    await run.sync();
    const before = run.launches.length;
    run.clock.jumpTo(30_100);
    await run.settled();
    await run.sync();
    expect(run.launches.slice(before).map(({ launch }) => launch.intendedAtMs)).toEqual([30_600]);
  });

  it('makes a launch that a lost worker held again, and counts it from its first intended start', async () => {
    const run = observedDispatcher(3, paceOf({ kind: 'rate', ratePerSecond: 10 }, 0), new Credits([3], 0));
    void run.dispatcher.run();
    await run.settled();
    await run.sync();
    run.settle(run.launches);
    run.ledger.requeuePossiblySent(run.launches[1]?.launch as Launch);
    run.ledger.requeueUnsent(run.launches[2]?.launch as Launch);
    run.schedule.giveBack(2);
    await run.advance(100);
    await run.sync();
    const again = run.launches.slice(3).map(({ launch }) => [launch.row, launch.sequence, launch.intendedAtMs]);
    expect(again).toEqual([
      [1, 3, 100],
      [2, 4, 200],
    ]);
  });

  it('ends when the rows do, and all are settled', async () => {
    const run = observedDispatcher(7, paceOf({ kind: 'closed' }, 0), new Credits([100], 0));
    const ended = run.dispatcher.run();
    await run.settled();
    await run.sync();
    await run.advance(100);
    run.settle(run.launches);
    await run.advance(100);
    await expect(ended).resolves.toBe('exhausted');
    expect(run.launches).toHaveLength(7);
  });

  it('probes with new rows while nothing gets through, and with those that came back when there are no others', async () => {
    const run = observedDispatcher(6, paceOf({ kind: 'closed' }, 0), new Credits([3], 0));
    void run.dispatcher.run();
    const nextRows = async (): Promise<readonly number[]> => {
      const before = run.launches.length;
      await run.advance(100);
      await run.sync();
      return run.launches.slice(before).map(({ launch }) => launch.row);
    };
    const comeBack = (rows: readonly number[]): void => {
      const launched = run.launches.slice(-rows.length);
      run.settle(launched);
      for (const { launch } of launched) run.ledger.requeueUnsent(launch);
    };
    await run.settled();
    await run.sync();
    run.schedule.pause(run.clock.nowMs());
    comeBack([0, 1, 2]);
    for (const probe of [3, 4, 5, 0, 1]) {
      expect(await nextRows()).toEqual([probe]);
      comeBack([probe]);
    }
    run.schedule.resume(run.clock.nowMs());
    expect(await nextRows()).toEqual([2, 3, 4]);
  });

  it('takes back what was granted when an outage is noticed while the disk is at work, and probes with one row', async () => {
    const run = observedDispatcher(6, paceOf({ kind: 'closed' }, 0), new Credits([3], 0));
    void run.dispatcher.run();
    await run.settled();
    run.schedule.pause(run.clock.nowMs());
    await run.sync();
    expect(run.log).toEqual(['grant 0', 'take back 0', 'take back 1', 'take back 2']);
    await run.advance(100);
    await run.sync();
    expect(run.log.slice(4)).toEqual(['grant 3', 'launch 3']);
    run.schedule.resume(run.clock.nowMs());
    await run.advance(100);
    await run.sync();
    // The rows that came back, with the next numbers.
    expect(run.launches.map(({ launch }) => [launch.row, launch.sequence])).toEqual([
      [3, 3],
      [0, 4],
      [1, 5],
    ]);
  });

  it('releases nothing after stop, but hands out what was granted', async () => {
    const credits = new Credits([4], 0);
    const run = observedDispatcher(100, paceOf({ kind: 'closed' }, 0), credits);
    const ended = run.dispatcher.run();
    await run.settled();
    run.dispatcher.stop();
    await run.sync();
    expect(run.launches).toHaveLength(4);
    run.settle(run.launches);
    await run.advance(100);
    await expect(ended).resolves.toBe('stopped');
    expect(run.grants).toHaveLength(1);
  });
});

it.each([
  [[], []],
  [[5], [[5, 5]]],
  [[0, 1, 2], [[0, 2]]],
  [
    [0, 1, 4, 5, 9],
    [
      [0, 1],
      [4, 5],
      [9, 9],
    ],
  ],
])('%j as ranges is %j', (rows, expected) => {
  expect(rowRanges(rows)).toEqual(expected);
});

it('names exactly the rows, in their order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 200 })), (unsorted) => {
      const rows = [...unsorted].sort((a, b) => a - b);
      const named = rowRanges(rows).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      expect(named).toEqual(rows);
    }),
  );
});
