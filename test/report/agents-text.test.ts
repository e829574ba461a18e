import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentLimit } from '../../src/metrics/agents-fold.ts';
import {
  agentLimitSentences,
  agentsShown,
  agentTextCells,
  clockSentence,
  describeOffset,
  describeSlotAgents,
  labelTables,
} from '../../src/report/agents-text.ts';
import { limitedRemedy, slotsSentence } from '../../src/report/load-generator-text.ts';
import type { Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults } from '../../src/results/write-results.ts';
import { AGENTS, agentsJournal } from '../support/agents-journal.ts';
import { summaryFrom } from '../support/run-measures.ts';
import { outcomeRecord, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Agents = NonNullable<Summary['agents']>;
type Agent = Agents['agents'][number];

/** An agent of which nothing was measured. */
function agentOf(name: string, changes: Partial<Agent> = {}): Agent {
  return {
    ...{ name, labels: {}, slots: 1, version: '0.1.0', isLost: false, losses: 0, assigned: 0, failed: 0 },
    ...{ launched: 100, connections: 0, workersMax: 1, inFlightMax: 0, startLagP99Ms: null, startLagMaxMs: null },
    ...{ loopDelayMaxMs: null, cpuShareMean: null, cpuShareMax: null, rssBytesMax: null, fileDescriptorsMax: null },
    ...{ offsetMs: null, offsetUncertaintyMs: null, saturatedMs: 0, delayed: 0, delayedMs: 0, delayMaxMs: 0 },
    ...{ delayShare: null, slotWaits: 0, slotWaitMaxMs: 0, limitedBy: [], limitedPeriods: [] },
    ...changes,
  };
}

const limited = (name: string, limit: AgentLimit, changes: Partial<Agent>): Agent =>
  agentOf(name, { limitedBy: [limit], limitedPeriods: [{ fromMs: 1_000, toMs: 2_500 }], ...changes });

const onAgents = (agents: readonly Agent[], changes: Partial<Agents> = {}): Pick<Summary, 'agents'> => ({
  agents: { clockUncertaintyMs: null, agents, byLabel: [], ...changes },
});

describe('which agent was the limit', () => {
  it('is said with its part of the delays, the longest one, and when; the worst first', () => {
    const agents = [
      limited('a', 'delays', { delayedMs: 40, delayShare: 0.4, delayMaxMs: 30.25 }),
      limited('b', 'delays', { delayedMs: 60, delayShare: 0.6, delayMaxMs: 4_200 }),
      agentOf('c'),
    ];
    expect(agentLimitSentences(agents)).toEqual([
      'of these delays, 60% arose on agent b (at most 4.2 s for a registration, at 1.0 to 2.5 s); ' +
        '40% arose on agent a (at most 30.3 ms for a registration, at 1.0 to 2.5 s)',
    ]);
  });

  it('is said of a busy worker, and of no more than three agents', () => {
    const agents = ['a', 'b', 'c', 'd', 'e'].map((name, place) =>
      limited(name, 'saturation', { saturatedMs: 20_000 - place, limitedPeriods: [] }),
    );
    const busy = (name: string): string => `a worker of agent ${name} had almost no idle time for 20 s`;
    expect(agentLimitSentences(agents)).toEqual([`${['a', 'b', 'c'].map(busy).join('; ')}; and 2 more agents`]);
  });

  it('is said of slots only where agents differ', () => {
    const short = limited('a', 'slots', { slotWaits: 1_500, launched: 2_000 });
    expect(describeSlotAgents(onAgents([short, agentOf('b')]))).toBe(', most often those of agent a (1,500 of 2,000)');
    expect(describeSlotAgents(onAgents([short, { ...short, name: 'b' }]))).toBe('');
    expect(describeSlotAgents({})).toBe('');
    const summary = summaryFrom([outcomeRecord(0)]);
    const outOfSlots = { waited: 9, launches: 10, waitP95Ms: 900, waitMaxMs: 1_000, slotsNeeded: null };
    const loadGenerator = { ...summary.loadGenerator, outOfSlots };
    expect(slotsSentence({ ...summary, ...onAgents([short, agentOf('b')]), loadGenerator })).toBe(
      '9 of 10 launches waited for one of the 100 slots (p95 0.9 s, at most 1.0 s), most often those of agent a ' +
        '(1,500 of 2,000), because registrations take too long for this load. Raise --concurrency, or lower the load',
    );
  });

  it('is not said of slots where an agent was lost: its slots were missing', () => {
    const summary = summaryFrom([outcomeRecord(0)]);
    const outOfSlots = { waited: 203, launches: 1_000, waitP95Ms: 900, waitMaxMs: 1_000, slotsNeeded: 80 };
    const loadGenerator = { ...summary.loadGenerator, outOfSlots };
    const agents = onAgents([agentOf('a', { losses: 1 }), agentOf('b'), agentOf('c', { losses: 2, isLost: true })]);
    expect(slotsSentence({ ...summary, ...agents, loadGenerator })).toBe(
      '203 of 1,000 launches waited for one of the 100 slots (p95 0.9 s, at most 1.0 s), while slots were missing: ' +
        'agent c was lost 2 times; agent a was lost. Find out why, and raise --concurrency only if launches also wait in a run without losses',
    );
    const tooFew = { ...loadGenerator, outOfSlots: { ...outOfSlots, slotsNeeded: 400 } };
    expect(slotsSentence({ ...summary, ...agents, loadGenerator: tooFew })).toMatch(
      /\. Raise --concurrency to 400 or more/,
    );
  });

  it('names the loss before the delays of an agent that was lost', () => {
    const agents = [limited('a', 'delays', { losses: 1, delayedMs: 40, delayShare: 1, delayMaxMs: 30.25 })];
    expect(agentLimitSentences(agents)).toEqual([
      'of these delays, 100% arose on agent a (lost, at most 30.3 ms for a registration, at 1.0 to 2.5 s)',
    ]);
  });

  it('has a remedy of its own', () => {
    const { loadGenerator } = summaryFrom([outcomeRecord(0)]);
    expect(limitedRemedy({ loadGenerator, ...onAgents([agentOf('a')]) })).toMatch(/^Use more agents, /);
    expect(limitedRemedy({ loadGenerator })).not.toContain('agents');
    const lost = onAgents([limited('a', 'delays', { losses: 1 })]);
    expect(limitedRemedy({ loadGenerator, ...lost })).toMatch(
      /^Find out why agents were lost\. If .* use more agents, /,
    );
  });
});

describe('agents in text', () => {
  it('are absent figures, not zeros, where nothing was measured', () => {
    expect(agentTextCells(agentOf('a'))).toEqual(['a', '0', '0', '–', '–', '–', '–', '–']);
    expect(clockSentence(onAgents([agentOf('a')]))).toBeNull();
  });

  it('are those with remarks if there are too many, and the others are counted', () => {
    const many = Array.from({ length: 30 }, (_, place) => agentOf(`agent-${place}`, place === 29 ? { losses: 2 } : {}));
    const { agents = { clockUncertaintyMs: null, agents: [], byLabel: [] } } = onAgents(many);
    expect(agentsShown(agents, 2).map(({ name }) => name)).toEqual(['agent-29', 'agent-0']);
    const text = summaryText({ ...summaryFrom([outcomeRecord(0)]), agents });
    expect(text).toMatch(/\n30 agents\n.*\nagent-29 .*\n {2}lost 2 times, came back\nagent-0 /);
    expect(text).toContain('\n10 more agents in summary.json\n');
  });

  it('fit into 100 columns, with remarks on a line of their own', () => {
    const agent = agentOf('europe-1', {
      ...{ labels: { region: 'northeurope' }, losses: 2, assigned: 1_234, startLagMaxMs: 12_345, loopDelayMaxMs: 120 },
      limitedBy: ['delays', 'saturation', 'slots'],
    });
    const agents = { clockUncertaintyMs: null, agents: [agent], byLabel: [] };
    const lines = summaryText({ ...summaryFrom([outcomeRecord(0)]), agents }).split('\n');
    const at = lines.findIndex((line) => line.startsWith('europe-1 '));
    expect(lines[at + 1]).toBe('  ▲ the limit: its loss and delays, a busy worker, its slots, lost 2 times, came back');
    expect(lines.slice(at - 1, at + 2).filter(({ length }) => length > 100)).toEqual([]);
  });

  it('have no sign where the clocks do not differ', () => {
    const offsets = [-0.004, 0, 0.004, -0.006, 0.006];
    expect(offsets.map((offsetMs) => describeOffset({ offsetMs, offsetUncertaintyMs: 2.5 }))).toEqual([
      ...['0.00 ±2.50', '0.00 ±2.50', '0.00 ±2.50', '−0.01 ±2.50', '+0.01 ±2.50'],
    ]);
  });

  it('cannot tear the text by their names and labels', () => {
    const [name = ''] = agentTextCells(
      agentOf('\u001b[2J\nx', { labels: { 'a\n': '\u001b[1m', long: 'y'.repeat(99) } }),
    );
    expect(name).toMatch(/^\[2J x \(a = \[1m, long=y+…\)$/);
  });

  it('show the first hubs and values of a label, and count the others', () => {
    const counts = { failed: 1, leftOut: 0, notSelected: 0, notStarted: 0, unknown: 0 };
    const hub = (place: number) => ({ hub: `hub-${String(place).padStart(2, '0')}`, count: 1 });
    const values = Array.from({ length: 10 }, (_, place) => ({
      ...{ value: place === 0 ? '' : `region-${place}`, rows: 31, assigned: 30, ...counts },
      hubs: Array.from({ length: 30 }, (_, each) => hub(each)),
    }));
    const others = { values: 3, rows: 3, assigned: 2, hubs: [hub(1)], ...counts };
    const { agents } = onAgents([], { byLabel: [{ column: 'region', values, others }] });
    const [table] = agents === undefined ? [] : labelTables(agents);
    expect(table?.rows[0]?.slice(0, 3)).toEqual(['hub', '(none)', 'region-1']);
    expect(table?.rows[1]?.slice(0, 2)).toEqual(['hub-00', '1 (3.3%)']);
    expect(table?.rows.slice(21).map(([first]) => first)).toEqual([
      '10 more hubs in summary.json',
      'assigned',
      'failed',
      '5 more values in summary.json',
    ]);
    expect(new Set(table?.rows.map(({ length }) => length))).toEqual(new Set([9]));
  });
});

it('the plot of many agents shows those that launched most and least', async () => {
  const folder = mkdtempSync(join(temporaryFolder(), 'run-'));
  const names = ['a', 'b', 'c', 'd'];
  const agents = names.map((name) => ({ ...AGENTS[0], name }));
  const journal = agentsJournal().map((record) => {
    if (record.kind === 'session') return { ...record, agents };
    if (record.kind === 'sample') return { ...record, agents: [], joinedAgents: [] };
    // `a` launches half of all, and `d` nothing.
    return record.kind === 'outcome' ? { ...record, agent: names[[0, 1, 0, 2][record.row % 4] ?? 0] ?? null } : record;
  });
  writeJournal(join(folder, 'journal.ndjson'), journal);
  await makeResults(folder, { fleet: null });
  const [, json = '[]'] =
    /<script type="application\/json" id="plots">(.*?)<\/script>/s.exec(
      readFileSync(join(folder, 'report.html'), 'utf8'),
    ) ?? [];
  type Plot = {
    readonly id: string;
    readonly series: readonly { readonly label: string; readonly values: number[] }[];
  };
  const plot = (JSON.parse(json) as Plot[]).find(({ id }) => id === 'plot-agents');
  const at = plot?.series.map(({ label, values }) => [label, values[20]]);
  expect(at).toEqual([
    ['the agent with most', 25],
    ['mean of all agents', 12.5],
    ['the agent with fewest', 0],
  ]);
});
