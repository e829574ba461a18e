import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AllocationExpectation } from '../../src/allocation/allocation-expectation.ts';
import type { JournalRecord, OutcomeRecord, SampleRecord } from '../../src/journal/journal-record.ts';
import type { Summary } from '../../src/report/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { makeResults, mergeResults } from '../../src/results/write-results.ts';
import { AGENTS, AGENTS_RUN, agentsJournal } from '../support/agents-journal.ts';
import { operatorError } from '../support/fleet-file.ts';
import { readResultRows } from '../support/results.ts';
import { EVEN_THIRDS } from '../support/run-measures.ts';
import { HUBS, sampleJournal, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();

async function resultsOf(records: readonly JournalRecord[], by: readonly string[] | null = null) {
  const folder = mkdtempSync(join(root, 'run-'));
  writeJournal(join(folder, 'journal.ndjson'), records);
  const { summary } = await makeResults(folder, { fleet: null, by });
  return { folder, summary };
}

const journal = agentsJournal();
const made = resultsOf(journal);
const outcomes = journal.filter((record): record is OutcomeRecord => record.kind === 'outcome');
const madeBy = (agent: string): number => outcomes.filter((outcome) => outcome.agent === agent).length;

/** The nearest hub of each region. */
const NEAREST: AllocationExpectation = {
  ...EVEN_THIRDS,
  policy: 'lowest-latency',
  by: 'region',
  cohorts: [
    { name: 'westeurope', hubs: [{ hub: HUBS[0], weight: 1 }] },
    { name: 'northeurope', hubs: [{ hub: HUBS[1], weight: 1 }] },
  ],
};

const cohortsOf = ({ allocation }: Summary) =>
  allocation?.cohorts.map(({ name, verdict, initial }) => [name, verdict, initial]);

describe('the results of a run on agents', () => {
  it('tell of each agent what it did, and which was the limit', async () => {
    const { summary } = await made;
    const agents = summary.agents?.agents ?? [];
    expect(agents.map(({ name, assigned, failed, connections }) => [name, assigned, failed, connections])).toEqual(
      AGENTS.map(({ name }) => [name, madeBy(name), 0, madeBy(name)]),
    );
    expect(agents.map(({ limitedBy }) => limitedBy)).toEqual([[], ['delays'], []]);
    expect(agents.map(({ losses, isLost }) => [losses, isLost])).toEqual([
      [0, false],
      [0, false],
      [1, false],
    ]);
    expect(summary.agents?.clockUncertaintyMs).toBe(AGENTS_RUN.uncertaintyMs);
    const text = summaryText(summary);
    expect(text).toMatch(/of these delays, 100% arose on agent west-2 \(at most 400 ms .*, at 9\.0 to 13\.5 s\)/);
    expect(text).toContain(
      'start lag and response compare the clocks of the coordinator and an agent, and may be off by 0.42 ms',
    );
  });

  it('show the hubs by each label of the agents', async () => {
    const { summary } = await made;
    const [region, zone] = summary.agents?.byLabel ?? [];
    expect(region).toMatchObject({
      column: 'region',
      values: [
        { value: 'westeurope', hubs: [{ hub: HUBS[0], count: madeBy('west-1') + madeBy('west-2') }] },
        { value: 'northeurope', hubs: [{ hub: HUBS[1], count: madeBy('north-1') }] },
      ],
    });
    expect(zone?.values.map(({ value, rows }) => [value, rows])).toEqual([
      ['', madeBy('west-1') + madeBy('north-1')],
      ['2', madeBy('west-2')],
    ]);
  });

  it('name the agent of each registration', async () => {
    const { folder } = await made;
    const rows = readResultRows(join(folder, 'registrations.csv'));
    expect(rows.map((row) => row['agent'])).toEqual(outcomes.map(({ agent }) => agent));
  });

  it('are shown by a label, unless the fleet has a column of this name', async () => {
    const { summary } = await resultsOf(journal, ['region', 'Site']);
    const [region, site] = summary.breakdowns;
    expect(region?.values.map(({ value, rows }) => [value, rows])).toEqual([
      ['westeurope', madeBy('west-1') + madeBy('west-2')],
      ['northeurope', madeBy('north-1')],
    ]);
    expect(site?.values.map(({ value }) => value)).toEqual(['site 0', 'site 1', 'site 2']);
    const named = agentsJournal({ fleet: { ...sessionOf(journal).fleet, otherColumns: ['region'] } });
    const { summary: ofColumn } = await resultsOf(named, ['region']);
    expect(ofColumn.breakdowns[0]?.values.map(({ value }) => value)).toEqual(['site 0', 'site 1', 'site 2']);
    expect(ofColumn.agents?.byLabel[0]?.values.map(({ value }) => value)).toEqual(['westeurope', 'northeurope']);
    const { problems } = await operatorError(() => resultsOf(journal, ['regio']));
    expect(problems[0]).toMatchObject({ remedy: expect.stringContaining('--by region') });
  });

  it('judge the lowest-latency policy by the regions of the agents', async () => {
    const { summary } = await resultsOf(agentsJournal({ allocation: NEAREST }));
    expect(summary.allocation?.verdict).toBe('pass');
    const [west, north] = [madeBy('west-1') + madeBy('west-2'), madeBy('north-1')];
    expect(cohortsOf(summary)).toEqual([
      ['westeurope', 'pass', west],
      ['northeurope', 'pass', north],
    ]);
    expect(summary.wrongHubs?.count).toBe(0);
    const swapped = NEAREST.cohorts.map(({ name }, index) => ({ name, hubs: NEAREST.cohorts[1 - index]?.hubs ?? [] }));
    const { summary: wrong } = await resultsOf(agentsJournal({ allocation: { ...NEAREST, cohorts: swapped } }));
    expect([wrong.allocation?.verdict, wrong.wrongHubs?.count]).toEqual(['fail', outcomes.length]);
  });

  it('take the region of the run where an agent has none', async () => {
    const unlabelled = agentsJournal({ allocation: NEAREST, region: 'westeurope' }).map((record) =>
      record.kind === 'sample' || record.kind === 'session' ? withoutLabels(record) : record,
    );
    expect(cohortsOf((await resultsOf(unlabelled)).summary)).toEqual([['westeurope', 'fail', outcomes.length]]);
  });

  it('use the labels that an agent had in the run where it made a registration', async () => {
    const moved = agentsJournal({ allocation: NEAREST, startedAtEpochMs: Date.UTC(2027, 0, 1) }).map((record) =>
      record.kind === 'sample' || record.kind === 'session' ? inRegion(record, 'elsewhere') : record,
    );
    const [first, second] = [agentsJournal({ allocation: NEAREST }), moved.filter(isEarly)];
    const folders = await Promise.all([first, second].map(async (records) => (await resultsOf(records)).folder));
    const { summary } = await mergeResults(folders, join(mkdtempSync(join(root, 'out-')), 'merged'));
    const later = second.filter(({ kind }) => kind === 'outcome').length;
    expect(later).toBeGreaterThan(0);
    expect(cohortsOf(summary)?.reduce((sum, [, , initial]) => sum + Number(initial), 0)).toBe(outcomes.length - later);
  });

  it('are free of agents where the workers are threads', async () => {
    const { folder } = await resultsOf(sampleJournal(300, 7));
    for (const name of ['summary.json', 'registrations.csv', 'report.html', 'not-registered.csv']) {
      // The page's script may know the word.
      const text = readFileSync(join(folder, name), 'utf8').replace(/<script>.*?<\/script>/gs, '');
      expect([name, /\bagents?\b/i.test(text)]).toEqual([name, false]);
    }
  });
});

function sessionOf(records: readonly JournalRecord[]) {
  const [session] = records;
  if (session?.kind !== 'session') throw new Error('a journal begins with a session');
  return session;
}

const isEarly = (record: JournalRecord): boolean => record.kind !== 'outcome' || record.row < 100;

function withoutLabels(record: Extract<JournalRecord, { kind: 'sample' | 'session' }>): JournalRecord {
  return withLabels(record, {});
}

function inRegion(record: Extract<JournalRecord, { kind: 'sample' | 'session' }>, region: string): JournalRecord {
  return withLabels(record, { region });
}

function withLabels(
  record: SampleRecord | Extract<JournalRecord, { kind: 'session' }>,
  labels: Readonly<Record<string, string>>,
): JournalRecord {
  if (record.kind === 'session') return { ...record, agents: record.agents.map((agent) => ({ ...agent, labels })) };
  return { ...record, joinedAgents: record.joinedAgents.map((agent) => ({ ...agent, labels })) };
}
