import { describe, expect, it } from 'vitest';
import type { AgentSample } from '../../src/journal/agent-record.ts';
import type { OutcomeRecord } from '../../src/journal/journal-record.ts';
import { AgentsFold } from '../../src/metrics/agents-fold.ts';
import type { HealthSummary } from '../../src/metrics/load-generator-health.ts';
import { AGENTS, agentSample } from '../support/agents-journal.ts';
import { outcomeRecord, sampleRecord, stalledTimes } from '../support/sample-journal.ts';

type Judged = Pick<HealthSummary, 'limits' | 'outOfSlots'>;

const UNLIMITED: Judged = { limits: [], outOfSlots: null };
const DELAYED: Judged = {
  limits: [{ name: 'timeShare', limit: 0.05, observed: 0.5, exceeded: true }],
  outOfSlots: null,
};
const OUT_OF_SLOTS: Judged = {
  limits: [],
  outOfSlots: { waited: 50, launches: 100, waitP95Ms: 900, waitMaxMs: 1_000, slotsNeeded: null },
};

/** A registration that took 100 ms, and what its agent added to it. */
function made(agent: string, atMs: number, addedMs = 0, changes: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const stalled = addedMs === 0 ? null : stalledTimes({ serviceMs: addedMs });
  const times = { intendedAtMs: atMs, startedAtMs: atMs, finishedAtMs: atMs + 100 + addedMs, waitedMs: 0 };
  return outcomeRecord(0, { agent, ...times, stalled, ...changes });
}

/** Of the agents of the sample journal; samples of each second by agent. */
function folded(
  outcomes: readonly OutcomeRecord[],
  samples: readonly Readonly<Record<string, Partial<AgentSample>>>[] = [],
): AgentsFold {
  const fold = new AgentsFold();
  fold.introduce(AGENTS);
  for (const outcome of outcomes) fold.addOutcome(outcome, 0);
  for (const [second, of] of samples.entries()) {
    const agents = Object.entries(of).map(([name, changes]) => agentSample(name, changes));
    fold.add(sampleRecord((second + 1) * 1_000, { agents }), 0);
  }
  return fold;
}

const limits = (fold: AgentsFold, judged: Judged) =>
  Object.fromEntries(fold.result(judged).map(({ name, limitedBy }) => [name, limitedBy]));

describe('the agent that was the limit', () => {
  it('is the one whose delays are the largest; it is said when, and by how much', () => {
    const fold = folded([
      ...[made('west-1', 0), made('west-1', 2_000, 40), made('north-1', 3_000)],
      ...[made('west-2', 5_000, 500), made('west-2', 5_200, 300)],
    ]);
    expect(limits(fold, DELAYED)).toEqual({ 'west-1': [], 'west-2': ['delays'], 'north-1': [] });
    const [first, worst] = fold.result(DELAYED);
    expect(worst).toMatchObject({ delayed: 2, delayedMs: 800, delayMaxMs: 500, delayShare: 0.952 });
    expect(worst?.limitedPeriods).toEqual([{ fromMs: 5_000, toMs: 5_625 }]);
    expect(first).toMatchObject({ delayedMs: 40, delayShare: 0.048, limitedPeriods: [] });
  });

  it('is each that did at least half as much as the worst', () => {
    const fold = folded([made('west-1', 0, 260), made('west-2', 0, 500), made('north-1', 0, 240)]);
    expect(limits(fold, DELAYED)).toEqual({ 'west-1': ['delays'], 'west-2': ['delays'], 'north-1': [] });
  });

  it('is none if delays changed no figure, or a suspended coordinator held back all', () => {
    expect(limits(folded([made('west-1', 0, 500)]), UNLIMITED)['west-1']).toEqual([]);
    const held = made('west-1', 0, 0, { stalled: stalledTimes({ heldMs: 4_000 }) });
    expect(limits(folded([held]), DELAYED)['west-1']).toEqual([]);
  });

  it('is the one with a worker that had almost no idle time for long', () => {
    const busy = (seconds: number) =>
      Array.from({ length: 60 }, (_, second) => ({
        'west-1': {},
        'west-2': { saturatedMs: second < seconds ? 1_000 : 0 },
      }));
    expect(limits(folded([made('west-1', 0)], busy(12)), UNLIMITED)).toEqual({
      'west-1': [],
      'west-2': ['saturation'],
      'north-1': [],
    });
    expect(limits(folded([made('west-1', 0)], busy(8)), UNLIMITED)['west-2']).toEqual([]);
  });

  it('is the one whose launches waited for slots most often', () => {
    const waiting = { slotWaitMs: 900 };
    const fold = folded(
      [made('west-1', 0, 0, waiting), made('west-1', 0, 0, waiting), made('west-2', 0, 0, waiting)],
      [{ 'west-1': { launched: 3 }, 'west-2': { launched: 10 } }],
    );
    expect(limits(fold, OUT_OF_SLOTS)).toEqual({ 'west-1': ['slots'], 'west-2': [], 'north-1': [] });
    expect(fold.result(OUT_OF_SLOTS)[0]).toMatchObject({ slotWaits: 2, slotWaitMaxMs: 900 });
    expect(limits(fold, UNLIMITED)['west-1']).toEqual([]);
  });

  it('is none by its slots if an agent was lost: launches waited because its slots were missing', () => {
    const samples = [{ 'west-1': { launched: 2 } }, { 'west-2': { isLost: true, launched: 0 } }];
    const fold = folded([made('west-1', 0, 0, { slotWaitMs: 900 })], samples);
    expect(limits(fold, OUT_OF_SLOTS)).toEqual({ 'west-1': [], 'west-2': [], 'north-1': [] });
  });
});

describe('what is measured of an agent', () => {
  it('is the largest, the mean, and the last offset of its clock', () => {
    const [west] = folded(
      [made('west-1', 0, 0, { attempts: 2 }), made('west-1', 10, 0, { startedAtMs: 14 })],
      [
        { 'west-1': { cpuShare: 0.2, offsetMs: 1, offsetUncertaintyMs: 0.5, startLagMaxMs: 4, launched: 2 } },
        { 'west-1': { cpuShare: 0.6, offsetMs: 1.5, offsetUncertaintyMs: 0.1, fileDescriptors: 200, launched: 1 } },
      ],
    ).result(UNLIMITED);
    expect(west).toMatchObject({
      launched: 3,
      connections: 3,
      cpuShareMean: 0.4,
      cpuShareMax: 0.6,
      startLagP99Ms: 4,
      startLagMaxMs: 4,
      fileDescriptorsMax: 200,
      offsetMs: 1.5,
      offsetUncertaintyMs: 0.5,
      losses: 0,
      isLost: false,
    });
  });

  it('is absent, not 0, of an agent that reported nothing', () => {
    expect(folded([]).result(UNLIMITED)[0]).toMatchObject({
      cpuShareMean: null,
      loopDelayMaxMs: null,
      startLagP99Ms: null,
      startLagMaxMs: null,
      rssBytesMax: null,
      offsetMs: null,
      offsetUncertaintyMs: null,
      delayShare: null,
    });
  });

  it('counts how often it was lost, and nothing that it was last heard to be while it was', () => {
    const [here, lost] = [{ 'west-1': {} }, { 'west-1': { isLost: true, cpuShare: 9, offsetMs: 99, launched: 0 } }];
    const [west] = folded([], [here, lost, lost, here, lost]).result(UNLIMITED);
    expect(west).toMatchObject({ losses: 2, isLost: true, cpuShareMax: 0.4, offsetMs: 1.25, launched: 34 });
  });

  it('includes registrations that ended before a sample introduced the agent', () => {
    const fold = new AgentsFold();
    fold.addOutcome(made('late-1', 0, 50), 0);
    expect([fold.names, fold.result(UNLIMITED)]).toEqual([[], []]);
    fold.introduce([{ name: 'late-1', labels: { zone: '1' }, slots: 1, version: '0.1.0' }]);
    expect(fold.result(UNLIMITED)).toMatchObject([{ name: 'late-1', delayed: 1 }]);
    expect(fold.labels).toEqual(['zone']);
  });
});
