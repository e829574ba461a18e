import { describe, expect, it } from 'vitest';
import { canaryRule } from '../../src/run/stop-rules.ts';
import { WORKER_SILENCE_MAX_SECONDS } from '../../src/run/worker-watch.ts';
import { AgentGone } from '../../src/worker/agent-gone.ts';
import { deferred } from '../../src/worker/deferred.ts';
import { NO_AGENTS } from '../support/local-pool.ts';
import { sessionBench, waveOf } from '../support/session-bench.ts';

const rowsOf = (launches: readonly { readonly row: number }[]): readonly number[] => launches.map(({ row }) => row);

const DISCONNECTED = { result: 'disconnected', registersSent: 0, assignedHub: null } as const;
const NOT_STARTED = { result: 'not-started', registersSent: 0, attempts: 0, assignedHub: null } as const;

describe('a session', () => {
  it('launches no row before its grant is on disk', async () => {
    const disk = deferred<void>();
    const kinds: string[] = [];
    const journal = {
      append: ({ kind }: { readonly kind: string }) => void kinds.push(kind),
      flush: async () => {},
      sync: () => disk.promise,
    };
    const { advance, workers } = sessionBench([waveOf(3)], { journal });
    await advance(900);
    expect([kinds, workers.launched]).toEqual([['grant'], []]);
    disk.resolve();
    await advance(100);
    expect(rowsOf(workers.launched)).toEqual([0, 1, 2]);
  });

  it('is complete when every row is settled, and closes its workers', async () => {
    const { advance, clock, end, outcomes, records, workers } = sessionBench([waveOf(3)]);
    await advance(100);
    workers.settle();
    await advance(200);
    expect(end()).toEqual({ reason: 'completed', message: null, atOnce: false });
    expect(rowsOf(outcomes())).toEqual([0, 1, 2]);
    expect(records.map(({ kind }) => kind)).toEqual(['grant', 'outcome', 'outcome', 'outcome', 'sample']);
    expect(workers.log).toEqual(['noMoreLaunches', 'destroy']);
    clock.advanceTo(10_000);
    expect(records).toHaveLength(5);
  });

  it('settles one wave before it begins the next', async () => {
    const { advance, end, workers } = sessionBench([waveOf(2), waveOf(2, { round: 2 })]);
    await advance(1_000);
    expect(workers.launched.map(({ round }) => round)).toEqual([1, 1]);
    workers.settle();
    await advance(300);
    expect(workers.launched.map(({ round, sequence }) => [round, sequence])).toEqual([
      [1, 0],
      [1, 1],
      [2, 2],
      [2, 3],
    ]);
    workers.settle();
    await advance(200);
    expect(end()?.reason).toBe('completed');
  });

  it('ends by its limit when rows of the fleet are left out', async () => {
    const { advance, end, workers } = sessionBench([waveOf(1)], { limited: true });
    await advance(100);
    workers.settle();
    await advance(200);
    expect(end()?.reason).toBe('limit');
  });

  it('launches nothing after its duration', async () => {
    const shape = { kind: 'rate', ratePerSecond: 10 } as const;
    const { advance, end, workers } = sessionBench([waveOf(100, { shape })], {
      load: { durationMs: 2_000, concurrency: 100 },
    });
    await advance(3_000);
    expect(workers.launched.map(({ intendedAtMs }) => intendedAtMs)).toEqual(
      Array.from({ length: 20 }, (_, index) => 100 + index * 100),
    );
    expect(end()).toBeNull();
    workers.settle();
    await advance(200);
    expect(end()?.reason).toBe('limit');
  });

  it('has a failed disk as its failure', async () => {
    const journal = { append: () => {}, flush: async () => {}, sync: () => Promise.reject(new Error('disk full')) };
    const { advance, running, workers } = sessionBench([waveOf(1)], { journal });
    await advance(200);
    await expect(running).rejects.toThrow('disk full');
    expect([workers.launched, workers.log]).toEqual([[], ['destroy']]);
  });

  it('does not begin the wave after a failed canary', async () => {
    const canary = waveOf(1, { rules: [canaryRule()] });
    const { advance, end, workers } = sessionBench([canary, waveOf(5)]);
    await advance(100);
    workers.settle({ result: 'refused', errorCode: '401002', assignedHub: null });
    await advance(300);
    expect(end()).toMatchObject({ reason: 'canary', message: expect.stringContaining('dev-0') });
    expect(workers.launched).toHaveLength(1);
  });
});

describe('a stop request', () => {
  it('stops launches and waits for the registrations in progress', async () => {
    const { advance, end, ends, outcomes, stop, workers } = sessionBench([waveOf(1_000)]);
    await advance(100);
    const launched = workers.launched.length;
    stop({ reason: 'interrupted', urgency: 'finish-in-flight' });
    expect([workers.log, ends.map(({ reason }) => reason)]).toEqual([['dropWaiting'], ['interrupted']]);
    workers.settle({}, [0, 1, 2]);
    workers.settle(NOT_STARTED, rowsOf(workers.launched).slice(4));
    await advance(1_000);
    expect(end()).toBeNull();
    workers.settle({}, [3]);
    await advance(200);
    expect(end()).toEqual({ reason: 'interrupted', message: null, atOnce: false });
    expect([workers.launched.length, outcomes().length]).toEqual([launched, launched]);
  });

  it('that is the second gives up after two seconds what is not reported', async () => {
    const { advance, end, outcomes, stop, workers } = sessionBench([waveOf(2)]);
    await advance(100);
    stop({ reason: 'interrupted', urgency: 'finish-in-flight' });
    stop({ reason: 'interrupted', urgency: 'at-once' });
    expect(workers.log).toEqual(['dropWaiting', 'cancelAll']);
    workers.settle({ result: 'cancelled', assignedHub: null }, [0]);
    await advance(1_900);
    expect(end()).toBeNull();
    await advance(200);
    expect(end()).toEqual({ reason: 'interrupted', message: null, atOnce: true });
    expect(rowsOf(outcomes())).toEqual([0]);
  });
});

describe('a lost worker', () => {
  it('is replaced; its rows are registered again and marked', async () => {
    const { advance, end, notices, outcomes, workers } = sessionBench([waveOf(4)], { load: { workers: 2 } });
    await advance(100);
    const held = rowsOf([...(workers.held[0]?.values() ?? [])]);
    workers.lose(0, 'out of memory');
    expect(workers.log).toEqual(['replace 0']);
    expect(notices).toEqual([
      'Worker 1 was lost (out of memory); 2 registrations may have been sent. ' +
        'They are registered again; the results mark them possibly_twice.',
    ]);
    await advance(300);
    expect(rowsOf(workers.launched.slice(4))).toEqual(held);
    workers.settle();
    await advance(200);
    expect(end()?.reason).toBe('completed');
    const marked = outcomes().flatMap(({ row, possiblyTwice }) => (possiblyTwice ? [row] : []));
    expect([...marked].sort()).toEqual([...held].sort());
    expect(outcomes()).toHaveLength(4);
  });

  it('of an agent that was lost is told of with all others of it', async () => {
    const { advance, notices, workers } = sessionBench([waveOf(4)], { load: { workers: 2 } });
    await advance(100);
    workers.lose(1, new AgentGone('america-1', 'its lease ended', { isLast: false, isWanted: false }));
    expect(notices).toEqual([]);
    workers.lose(0, new AgentGone('america-1', 'its lease ended', { isLast: true, isWanted: false }));
    expect(notices).toEqual([
      'Agent america-1 was lost (its lease ended); 4 registrations may have been sent. ' +
        'They are registered again; the results mark them possibly_twice.',
    ]);
  });

  it('of an agent that leaves is no loss: nothing was in flight, and nothing is marked', async () => {
    const { advance, notices, outcomes, workers } = sessionBench([waveOf(4)], { load: { workers: 2 } });
    await advance(100);
    workers.settle();
    workers.lose(1, new AgentGone('europe-1', 'it leaves', { isLast: true, isWanted: true }));
    expect(notices).toEqual(['Agent europe-1 left the run; nothing was in flight.']);
    expect(outcomes().filter(({ possiblyTwice }) => possiblyTwice)).toEqual([]);
  });

  it('keeps the mark of its rows when they come back unsent once more, and not in the next round', async () => {
    const { advance, outcomes, workers } = sessionBench([waveOf(1), waveOf(1, { round: 2 })]);
    await advance(100);
    workers.lose(0, 'crashed');
    await advance(200);
    workers.settle(NOT_STARTED);
    await advance(200);
    workers.settle();
    await advance(300);
    workers.settle();
    await advance(200);
    expect(outcomes().map(({ round, result, possiblyTwice }) => [round, result, possiblyTwice])).toEqual([
      [1, 'not-started', false],
      [1, 'assigned', true],
      [2, 'assigned', false],
    ]);
  });

  it('too many ends the run; their rows stay without an outcome', async () => {
    const { advance, end, notices, outcomes, workers } = sessionBench([waveOf(1)]);
    for (let loss = 0; loss <= NO_AGENTS.replacementsMax; loss += 1) {
      await advance(200);
      workers.lose(0, 'crashed');
    }
    await advance(200);
    expect(end()).toMatchObject({ reason: 'failed', message: expect.stringContaining('Worker 1 was lost (crashed)') });
    expect(workers.log.filter((entry) => entry === 'replace 0')).toHaveLength(NO_AGENTS.replacementsMax);
    expect(workers.log).toContain('give up 0');
    expect(notices.at(-1)).toContain('It stays unknown until the run is resumed.');
    expect(outcomes()).toEqual([]);
  });

  it('repeats what surely was not sent as if it had never been launched', async () => {
    const { advance, end, notices, outcomes, workers } = sessionBench([waveOf(4)], { load: { workers: 2 } });
    await advance(100);
    const held = [...(workers.held[0]?.values() ?? [])];
    workers.lose(0, 'its lease is over', [held[1]?.sequence ?? -1, 99]);
    expect(notices[0]).toContain('; 1 registration may have been sent. It is registered again');
    await advance(300);
    workers.settle();
    await advance(200);
    expect(end()?.reason).toBe('completed');
    const marked = outcomes().flatMap(({ row, possiblyTwice }) => (possiblyTwice ? [row] : []));
    expect(marked).toEqual([held[0]?.row]);
    expect(outcomes().flatMap(({ row, result }) => (result === 'not-started' ? [row] : []))).toEqual([held[1]?.row]);
  });

  it('gets no rows until its replacement is ready, and the others no more than their slots', async () => {
    const { advance, workers } = sessionBench([waveOf(1_000)], { load: { workers: 2, sharePerMinute: 60_000 } });
    workers.replacesAtOnce = false;
    await advance(1_000);
    expect(workers.held.map(({ size }) => size)).toEqual([2, 2]);
    workers.lose(0, 'crashed');
    await advance(1_000);
    expect(workers.held.map(({ size }) => size)).toEqual([0, 2]);
    workers.emit(0, { type: 'ready' });
    await advance(300);
    expect(workers.held.map(({ size }) => size)).toEqual([2, 2]);
  });

  it('leaves granted rows unsent when no other worker has room for them', async () => {
    let finishSync = (): void => {};
    const kinds: string[] = [];
    const journal = {
      append: ({ kind }: { readonly kind: string }) => void kinds.push(kind),
      flush: async () => {},
      sync: () => new Promise<void>((resolve) => (finishSync = resolve)),
    };
    const { advance, workers } = sessionBench([waveOf(3)], { journal });
    workers.replacesAtOnce = false;
    await advance(100);
    workers.lose(0, 'crashed');
    finishSync();
    await advance(100);
    expect([workers.launched, kinds]).toEqual([[], ['grant', ...Array(3).fill('outcome')]]);
    workers.emit(0, { type: 'ready' });
    await advance(100);
    finishSync();
    await advance(100);
    expect(rowsOf(workers.launched)).toEqual([0, 1, 2]);
  });

  it('learns of an outage when its replacement is ready, and not before', async () => {
    const { advance, workers } = sessionBench([waveOf(10)], { load: { workers: 2 } });
    workers.replacesAtOnce = false;
    await advance(100);
    workers.reportHealth(1, { aliveAtMs: 100 });
    const losses = Array.from({ length: 20 }, (_, sequence) => ({ sequence, atMs: 150, reached: true }));
    await advance(100);
    workers.reportHealth(1, { inFlight: 4, losses });
    workers.lose(0, 'crashed');
    await advance(500);
    expect(workers.log).toEqual(['outageBegan', 'replace 0']);
    workers.emit(0, { type: 'ready' });
    expect(workers.log).toEqual(['outageBegan', 'replace 0', 'outageBegan to 0']);
  });

  it('that was the last leaves the schedule where it is until another is ready', async () => {
    const shape = { kind: 'rate', ratePerSecond: 10 } as const;
    const { advance, clock, end, notices, workers } = sessionBench([waveOf(1_000, { shape })], {
      load: { concurrency: 500 },
    });
    workers.replacesAtOnce = false;
    await advance(2_000);
    workers.settle();
    workers.lose(0, 'crashed');
    const before = workers.launched.length;
    await advance(60_000);
    expect([workers.launched.length, end()]).toEqual([before, null]);
    expect(notices.slice(1)).toEqual(['No worker is left. Launches wait until one is ready.']);
    workers.emit(0, { type: 'ready' });
    const readyAtMs = clock.nowMs();
    await advance(1_000);
    expect(notices[2]).toMatch(/^A worker is ready after (59|1 min 0) s\. The schedule resumes from now\.$/);
    const after = workers.launched.slice(before);
    // What was due within the second until it was noticed, and what is granted ahead.
    expect(after.length).toBeLessThanOrEqual(30);
    expect(Math.max(...after.map(({ intendedAtMs }) => intendedAtMs ?? 0))).toBeGreaterThan(readyAtMs);
  });

  it('that nothing replaces does not keep the run from its end', async () => {
    const { advance, end, workers } = sessionBench([waveOf(2)], { load: { workers: 2 } });
    workers.replacesAtOnce = false;
    await advance(100);
    workers.lose(0, 'crashed');
    await advance(200);
    workers.settle();
    await advance(300);
    expect(workers.log).toEqual(['replace 0', 'noMoreLaunches', 'give up 0', 'destroy']);
    expect(end()?.reason).toBe('completed');
  });

  it('is not suspected of silence while it has no place', async () => {
    const { advance, workers } = sessionBench([waveOf(2)], { load: { workers: 2 } });
    workers.replacesAtOnce = false;
    await advance(100);
    workers.silent.add(0);
    workers.lose(0, 'crashed');
    await advance(2 * WORKER_SILENCE_MAX_SECONDS * 1_000);
    expect(workers.log).toEqual(['replace 0']);
  });

  it('has nothing in flight any more', async () => {
    const { advance, records, workers } = sessionBench([waveOf(4)], { load: { workers: 2 } });
    await advance(100);
    workers.silent.add(0).add(1);
    workers.reportHealth(0, { inFlight: 3 });
    workers.reportHealth(1, { inFlight: 1 });
    await advance(1_850);
    workers.lose(0, 'crashed');
    await advance(1_000);
    const samples = records.filter((record) => record.kind === 'sample');
    expect(samples.map(({ inFlight }) => inFlight)).toEqual([4, 1]);
  });

  it('is also one that falls silent', async () => {
    const { advance, notices, workers } = sessionBench([waveOf(2)], { load: { workers: 2 } });
    await advance(100);
    workers.silent.add(1);
    await advance((WORKER_SILENCE_MAX_SECONDS - 1) * 1_000);
    expect(workers.log).toEqual([]);
    await advance(2_000);
    expect(workers.log).toEqual(['replace 1']);
    expect(notices[0]).toContain('Worker 2 was lost (silent for 30 s); 1 registration may have been sent.');
  });
});

describe('a silent worker', () => {
  it('gets no rows while it is silent, and keeps those that it has', async () => {
    const { advance, outcomes, workers } = sessionBench([waveOf(1_000)], {
      load: { workers: 2, sharePerMinute: 60_000 },
    });
    await advance(1_000);
    workers.fallSilent(0, true);
    workers.settle({}, rowsOf([...(workers.held[0]?.values() ?? [])]).slice(0, 1));
    await advance(500);
    expect(workers.held.map(({ size }) => size)).toEqual([1, 2]);
    workers.fallSilent(0, false);
    await advance(300);
    expect(workers.held.map(({ size }) => size)).toEqual([2, 2]);
    expect(outcomes()).toHaveLength(1);
  });
});

describe('too few workers', () => {
  it('end the run as failed; what the others have still finishes', async () => {
    const { advance, end, outcomes, workers } = sessionBench([waveOf(1_000)], { load: { workers: 2 } });
    workers.replacesAtOnce = false;
    await advance(100);
    workers.lose(0, 'crashed');
    workers.starve('only 1 of 2 agents was left for 60 s');
    await advance(200);
    expect([end(), workers.log]).toEqual([
      null,
      ['replace 0', 'dropWaiting', 'give up 0', 'noMoreLaunches', 'give up 0'],
    ]);
    const held = workers.held[1]?.size ?? 0;
    workers.settle();
    await advance(200);
    expect(end()).toEqual({ reason: 'failed', message: 'only 1 of 2 agents was left for 60 s', atOnce: false });
    expect(outcomes()).toHaveLength(held);
  });
});

it('tells the workers how far the journal is on disk, once it is', async () => {
  const disk = deferred<void>();
  const journal = { append: () => {}, flush: async () => {}, sync: () => disk.promise };
  const { advance, workers } = sessionBench([waveOf(1)], { journal });
  await advance(300);
  expect(workers.journalSyncs).toBe(0);
  disk.resolve();
  await advance(100);
  expect(workers.journalSyncs).toBe(1);
});

it('tells the canary, the launches and the drain apart', async () => {
  const { advance, end, phases, workers } = sessionBench([waveOf(2, { canaryDevices: 2 }), waveOf(1)]);
  await advance(300);
  expect(phases).toEqual(['canary']);
  workers.settle();
  await advance(300);
  expect(phases).toEqual(['canary', 'launching']);
  workers.settle();
  await advance(300);
  expect(end()).toMatchObject({ reason: 'completed' });
  expect(phases).toEqual(['canary', 'launching', 'draining']);
});

describe('an outage', () => {
  const losses = (devices: number, atMs: number, reached = true) =>
    Array.from({ length: devices }, (_, sequence) => ({ sequence, atMs, reached }));
  const OUTCOME = { ...DISCONNECTED, attempts: 5, finishedAtMs: 150 } as const;

  async function begun(rows = 100, load: Parameters<typeof sessionBench>[1] = {}) {
    const bench = sessionBench([waveOf(rows)], load);
    await bench.advance(100);
    bench.workers.reportHealth(0, { aliveAtMs: 100 });
    await bench.advance(100);
    bench.workers.reportHealth(0, { inFlight: 4, losses: losses(20, 150) });
    return bench;
  }

  it('pauses launches, probes with one device at a time after growing pauses, and ends with the first sign of life', async () => {
    const { advance, clock, notices, outcomes, phases, workers } = await begun();
    expect(workers.log).toEqual(['outageBegan']);
    expect(phases).toEqual(['launching', 'outage']);
    const before = workers.launched.length;
    workers.settle(OUTCOME);
    expect(outcomes().map(({ result }) => result)).toEqual(Array(before).fill('not-started'));
    const probed: number[] = [];
    for (let probe = 1; probe <= 4; probe += 1) {
      while (workers.launched.length < before + probe) await advance(50);
      probed.push(clock.nowMs());
      await advance(500);
      expect(workers.launched).toHaveLength(before + probe);
      workers.settle({ ...OUTCOME, finishedAtMs: clock.nowMs() });
      workers.emit(0, { type: 'probeEnded' });
    }
    const pauses = probed.map((atMs, index) => Math.floor((atMs - (probed[index - 1] ?? 150)) / 1_000));
    expect(pauses).toEqual([1, 2, 4, 8]);
    workers.reportHealth(0, { aliveAtMs: clock.nowMs() });
    await advance(1_000);
    expect(workers.launched.length).toBeGreaterThan(before + 4);
    expect(notices).toEqual([
      'The target has stopped responding: nothing has succeeded for 0.1 s. Launches are paused; of 4 registrations in flight, those that must connect are held. One device at a time probes it.',
      expect.stringMatching(
        /^The target is responding again after 1[67] s\. The load ramps up again, beginning with 0 held registrations\.$/,
      ),
    ]);
    expect(phases).toEqual(['launching', 'outage', 'responding']);
  });

  it('probes with held registrations first, and releases them step by step afterwards, before anything is launched', async () => {
    const { advance, clock, held, workers } = await begun(100, { load: { concurrency: 40 } });
    const before = workers.launched.length;
    workers.silent.add(0);
    workers.reportHealth(0, { inFlight: 40, held: 38 });
    workers.reportHealth(0, { inFlight: 40, held: 40 });
    // Those that are really held, not all in flight.
    expect(held).toEqual([0, 38, 40]);
    await advance(1_200);
    expect(workers.log).toEqual(['outageBegan', 'releaseHeld 1 to 0']);
    workers.reportHealth(0, { inFlight: 40, held: 39, aliveAtMs: clock.nowMs() });
    await advance(1_000);
    expect(workers.log.slice(2)).toEqual([
      'outageEnded',
      ...[1, 2, 4, 8, 16, 8].map((count) => `releaseHeld ${count} to 0`),
    ]);
    expect(workers.launched).toHaveLength(before);
  });

  it('makes again what it ended before it was noticed, adds up what that cost, and marks what was sent', async () => {
    const { advance, clock, outcomes, workers } = await begun(4, { load: { concurrency: 4 } });
    workers.settle({ ...OUTCOME, registersSent: 2, finishedAtMs: 170 }, [0]);
    workers.settle({ ...OUTCOME, finishedAtMs: 170 }, [1]);
    workers.settle({ ...OUTCOME, finishedAtMs: 90 }, [2]);
    expect(outcomes().map(({ row, result }) => [row, result])).toEqual([
      [1, 'not-started'],
      [2, 'disconnected'],
    ]);
    workers.reportHealth(0, { aliveAtMs: clock.nowMs() });
    await advance(1_000);
    workers.settle();
    await advance(300);
    const last = outcomes().slice(2);
    expect(
      last
        .map(({ row, result, attempts, registersSent, launchesIncluded, possiblyTwice }) => [
          row,
          result,
          attempts,
          registersSent,
          launchesIncluded,
          possiblyTwice,
        ])
        .sort(),
    ).toEqual([
      [0, 'assigned', 6, 3, 1, true],
      [1, 'assigned', 6, 1, 0, false],
      [3, 'assigned', 1, 1, 0, false],
    ]);
  });

  it('keeps back a failure until it is known whether an outage caused it', async () => {
    const { advance, clock, end, outcomes, workers } = sessionBench([waveOf(3)]);
    await advance(100);
    workers.reportHealth(0, { aliveAtMs: 100 });
    workers.settle({ ...OUTCOME, finishedAtMs: 120 }, [0]);
    await advance(500);
    expect(outcomes()).toEqual([]);
    workers.reportHealth(0, { aliveAtMs: clock.nowMs() });
    await advance(200);
    expect(rowsOf(outcomes())).toEqual([0]);
    workers.settle({ ...OUTCOME, finishedAtMs: clock.nowMs() }, [1, 2]);
    await advance(9_000);
    expect([outcomes().length, end()]).toEqual([1, null]);
    await advance(2_000);
    expect([rowsOf(outcomes()), end()?.reason]).toEqual([[0, 1, 2], 'completed']);
  });

  it('keeps nothing back, pauses nothing and repeats nothing with --on-outage ignore', async () => {
    const { advance, end, notices, outcomes, workers } = await begun(4, { load: { onOutage: 'ignore' } });
    workers.settle({ ...OUTCOME, finishedAtMs: 170 });
    await advance(300);
    expect(workers.log).toEqual(['noMoreLaunches', 'destroy']);
    expect(outcomes().map(({ result }) => result)).toEqual(Array(4).fill('disconnected'));
    expect(end()?.reason).toBe('completed');
    expect(notices).toEqual([expect.stringContaining('(--on-outage ignore)')]);
  });

  it.each(['hold', 'ignore'] as const)('ends the run when it lasts too long (%s)', async (onOutage) => {
    const { advance, end, outcomes, workers } = await begun(100, { load: { onOutage } });
    const began = onOutage === 'hold' ? ['outageBegan'] : [];
    await advance(59_000);
    expect(workers.log).toEqual(began);
    await advance(2_000);
    expect(workers.log).toEqual([...began, 'dropWaiting', 'cancelAll', 'noMoreLaunches']);
    workers.settle({ result: 'cancelled', registersSent: 0, assignedHub: null });
    await advance(200);
    expect(end()).toMatchObject({ reason: 'outage', message: 'the target did not respond for 1 min 0 s' });
    const result = onOutage === 'hold' ? 'not-started' : 'cancelled';
    expect(outcomes().map((outcome) => outcome.result)).toEqual(workers.launched.map(() => result));
  });
});

it('a suspended process launches no backlog, and says so', async () => {
  const shape = { kind: 'rate', ratePerSecond: 10 } as const;
  const { advance, clock, notices, turn, workers } = sessionBench([waveOf(1_000, { shape })], {
    load: { concurrency: 500 },
  });
  await advance(1_000);
  const before = workers.launched.length;
  clock.jumpTo(31_000);
  await turn();
  await advance(200);
  expect(notices).toEqual([
    'This process was suspended for 30 s. The schedule resumes from now; the gap counts as held.',
  ]);
  const after = workers.launched.slice(before);
  expect(after.length).toBeGreaterThan(0);
  expect(after.length).toBeLessThan(10);
  expect(Math.min(...after.map(({ intendedAtMs }) => intendedAtMs ?? 0))).toBeGreaterThan(30_000);
});
