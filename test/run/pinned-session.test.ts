import { describe, expect, it } from 'vitest';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { PINNED_ROWS_AHEAD_MAX } from '../../src/run/launch-ledger.ts';
import type { PinChoice } from '../../src/run/row-pins.ts';
import { listSource } from '../../src/run/waves.ts';
import type { AgentState } from '../../src/worker/worker-pool.ts';
import { fleetRow } from '../support/launches.ts';
import { sessionBench, waveOf } from '../support/session-bench.ts';

const PINS: PinChoice = { label: 'region', valueIn: ({ otherValues }) => otherValues[0] ?? '', withinMs: 40_000 };

function agent(region: string | null, workers: readonly number[]): AgentState {
  return {
    name: `${region}-${workers.join('-')}`,
    labels: region === null ? {} : { region },
    slots: workers.length,
    version: '1.0.0',
    workers,
    cpuShare: 0,
    loopDelayMaxMs: 0,
    rssBytes: 0,
    fileDescriptors: null,
    offsetMs: 0,
    offsetUncertaintyMs: 0,
    isLost: false,
  };
}

/** A session over rows with these regions: worker 0 is in europe, worker 1 in asia. */
function pinnedBench(regions: readonly string[], change: Parameters<typeof sessionBench>[1] = {}) {
  const rows: FleetRow[] = regions.map((region, row) => ({ ...fleetRow(row), otherValues: [region] }));
  const wave = waveOf(0, { openSource: () => listSource(rows) });
  const bench = sessionBench([wave], { pins: PINS, ...change, load: { workers: 2, concurrency: 4, ...change.load } });
  bench.workers.agents = [agent('europe', [0]), agent('asia', [1])];
  const heldBy = (worker: number): readonly number[] => [...(bench.workers.held[worker]?.keys() ?? [])];
  /** Nothing was ever launched in the wrong place. */
  const expectPinned = (): void => {
    for (const [worker, region] of ['europe', 'asia'].entries()) {
      expect(heldBy(worker).filter((row) => regions[row] !== region)).toEqual([]);
    }
  };
  return { ...bench, heldBy, expectPinned };
}

const repeated = (region: string, count: number): string[] => Array.from({ length: count }, () => region);

describe('rows that are pinned to agents', () => {
  it('go only to workers of agents with their label', async () => {
    const regions = Array.from({ length: 40 }, (_, row) => (row % 3 === 0 ? 'asia' : 'europe'));
    const bench = pinnedBench(regions);
    for (let turn = 0; turn < 60 && bench.end() === null; turn += 1) {
      await bench.advance(200);
      bench.expectPinned();
      bench.workers.settle();
    }
    expect(bench.end()).toMatchObject({ reason: 'completed' });
    expect(bench.outcomes().map(({ row }) => row)).toHaveLength(40);
    expect(new Set(bench.outcomes().map(({ row }) => row)).size).toBe(40);
  });

  it('do not wait behind those of a region whose slots are all taken', async () => {
    const bench = pinnedBench([...repeated('europe', 5_000), ...repeated('asia', 3)], {
      load: { sharePerMinute: 60_000 },
    });
    await bench.advance(1_000);
    expect(bench.heldBy(0)).toEqual([0, 1]);
    expect(bench.heldBy(1)).toEqual([5_000, 5_001]);
    bench.workers.settle({}, [5_000, 5_001]);
    await bench.advance(500);
    expect(bench.heldBy(1)).toEqual([5_002]);
    bench.workers.settle({}, [0]);
    await bench.advance(500);
    expect(bench.heldBy(0)).toEqual([1, 2]);
  });

  it('are read ahead only so far', async () => {
    const rows = PINNED_ROWS_AHEAD_MAX + 1_000;
    let taken = 0;
    const openSource = () => ({
      take: async (count: number) => {
        const read = Array.from({ length: Math.min(count, rows - taken) }, (_, index) => ({
          ...fleetRow(taken + index),
          otherValues: ['europe'],
        }));
        taken += read.length;
        return read;
      },
      close: async () => {},
    });
    const bench = pinnedBench([], { load: { sharePerMinute: 60_000 } });
    expect(bench.end()).toBeNull();
    const blocked = sessionBench([waveOf(0, { openSource })], {
      pins: PINS,
      load: { workers: 2, concurrency: 4, sharePerMinute: 60_000 },
    });
    blocked.workers.agents = [agent('europe', [0]), agent('asia', [1])];
    await blocked.advance(1_000);
    expect(blocked.workers.launched).toHaveLength(2);
    expect(taken).toBeGreaterThanOrEqual(PINNED_ROWS_AHEAD_MAX);
    expect(taken).toBeLessThan(PINNED_ROWS_AHEAD_MAX + 10);
  });

  it('that were at a lost worker wait for an agent of their region, and the others go on', async () => {
    const bench = pinnedBench(['asia', 'asia', 'asia', ...repeated('europe', 30)]);
    bench.workers.replacesAtOnce = false;
    await bench.advance(500);
    expect(bench.heldBy(1)).toContain(0);
    bench.workers.lose(1, 'gone');
    bench.workers.agents = [agent('europe', [0])];
    for (let turn = 0; turn < 30; turn += 1) {
      await bench.advance(1_000);
      bench.workers.settle();
    }
    expect(
      bench
        .outcomes()
        .map(({ row }) => row)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 30 }, (_, index) => index + 3));
    expect(bench.notices).toContain('No agent with region=asia is left. Its rows wait until one joins.');
    expect(bench.end()).toBeNull();
    bench.workers.agents = [agent('europe', [0]), agent('asia', [1])];
    bench.workers.emit(1, { type: 'ready' });
    await bench.advance(1_500);
    expect(bench.awaited.findLast((one) => one !== null)).toMatchObject({ labels: ['region=asia'] });
    expect(bench.awaited.at(-1)).toBeNull();
    expect([...bench.heldBy(1)].sort()).toEqual([0, 1, 2]);
    expect(bench.notices).toContain('An agent with region=asia is there again, and gets the rows that waited for it.');
    bench.workers.settle();
    await bench.advance(1_000);
    expect(bench.end()).toMatchObject({ reason: 'completed' });
    const again = bench.outcomes().filter(({ possiblyTwice }) => possiblyTwice);
    expect(again.map(({ row }) => row).sort()).toEqual([0, 1, 2]);
  });

  it('end the run, which can be resumed, when nothing else is left for too long', async () => {
    const bench = pinnedBench(['asia', ...repeated('europe', 4)]);
    bench.workers.agents = [agent('europe', [0])];
    for (let turn = 0; turn < 5; turn += 1) {
      await bench.advance(1_000);
      bench.workers.settle();
    }
    expect(bench.outcomes()).toHaveLength(4);
    expect(bench.awaited[0]).toBeNull();
    await bench.advance(30_000);
    expect(bench.end()).toBeNull();
    const { labels = [], giveUpAtMs = 0 } = bench.awaited.at(-1) ?? {};
    expect(labels).toEqual(['region=asia']);
    const leftMs = giveUpAtMs - bench.clock.nowMs();
    expect(leftMs).toBeGreaterThan(2_000);
    expect(leftMs).toBeLessThan(10_000);
    await bench.advance(20_000);
    expect(bench.end()).toMatchObject({
      reason: 'failed',
      message: 'no agent with region=asia for 40 s, and nothing is left but its rows (1 row read so far)',
    });
  });

  it('are handed back when their agent goes while the grant is written', async () => {
    let synced: () => void = () => {};
    const journal = {
      append: () => 0,
      flush: async () => {},
      sync: () => new Promise<void>((resolve) => (synced = resolve)),
    };
    const bench = pinnedBench(['asia', 'europe'], { journal });
    await bench.advance(200);
    bench.workers.agents = [agent('europe', [0])];
    synced();
    await bench.advance(200);
    expect([bench.heldBy(0), bench.heldBy(1)]).toEqual([[1], []]);
    bench.workers.agents = [agent('europe', [0]), agent('asia', [1])];
    synced();
    await bench.advance(200);
    synced();
    await bench.advance(200);
    expect(bench.heldBy(1)).toEqual([0]);
  });

  it('leave the rest undone when the time is over', async () => {
    const bench = pinnedBench(['asia', ...repeated('europe', 2)], { load: { durationMs: 2_000 } });
    bench.workers.agents = [agent('europe', [0]), agent(null, [1])];
    await bench.advance(1_000);
    bench.workers.settle();
    await bench.advance(3_000);
    expect(bench.end()).toMatchObject({ reason: 'limit' });
  });
});
