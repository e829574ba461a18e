import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RecordLine } from '../../src/emulator/service/registration-record.ts';
import type { ServiceCounters } from '../../src/emulator/service/service-counters.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Summary } from '../../src/report/summary.ts';
import { expectOneAccount, expectRegistersSent } from './account-outputs.ts';
import type { ChaosRecord } from './agents-chaos.ts';
import { dpsload } from './dpsload-program.ts';
import { type ResultRow, readLines } from './results.ts';
import { resultsOf } from './survival-runs.ts';

/** An agent's lease, and a margin for a machine with more to do than it can. */
const SILENT_AFTER_MS = 5_000 + 500;
/** This process hears of two things in the order in which they happened, or in one turn of its loop. */
const ONE_TURN_MS = 100;

/** A notice of the coordinator, in seconds. */
const IDLE = /A worker is ready after ([\d.]+) s/;

/** What a round came to. */
export type ChaosTally = {
  readonly rows: number;
  readonly marked: number;
  readonly registeredTwice: number;
  /** Marked, though registered once. */
  readonly overMarked: number;
  /** Not assigned in the results, or unknown to the service. Must be 0, as the next two. */
  readonly lost: number;
  readonly unmarked: number;
  /** Connections of agents whose lease was over. */
  readonly lateConnections: number;
  /** How often an agent was given up, a coordinator's death counting for all its agents. */
  readonly losses: number;
  readonly sessions: number;
  /** The longest time without any worker. */
  readonly idleMaxMs: number;
};

type LostAgent = {
  readonly name: string;
  /** It has no place from then on, or will soon have none. */
  readonly atMs: number;
  /** When it must have stopped. */
  readonly silentFromMs: number;
};

/** Compares everything that the run wrote with the emulator's records, and what the agents did with what they were allowed to. */
export async function reconcileChaos(record: ChaosRecord): Promise<ChaosTally> {
  const { ended, folder, plan, agentCodes } = record;
  expect(`${ended.code}: ${ended.code === 0 ? '' : ended.stderr}`).toBe('0: ');
  expect(agentCodes.filter((code) => code !== 0)).toEqual([]);
  expectNoKeys(record);
  const lines = readLines<RecordLine | ({ readonly kind: 'counters' } & ServiceCounters)>(record.records);
  const known = new Map(lines.flatMap((line) => (line.kind === 'registration' ? [[line.registrationId, line]] : [])));
  const counters = lines.find((line) => line.kind === 'counters');
  const rows = resultsOf(folder);
  expect(new Set(rows.map((row) => row['registration_id'])).size).toBe(plan.rows);
  expect(rows).toHaveLength(plan.rows);
  await expectOutputs(record, rows, counters?.registrationAttempts ?? 0);
  await expectOneOutcomeEach(record);
  const registersOf = (row: ResultRow): number => known.get(row['registration_id'] ?? '')?.registers ?? 0;
  const isMarked = (row: ResultRow): boolean => row['possibly_twice'] === 'true';
  const isKept = (row: ResultRow): boolean =>
    row['result'] === 'assigned' && row['assigned_hub'] === known.get(row['registration_id'] ?? '')?.assignedHub;
  const count = (holds: (row: ResultRow) => boolean): number => rows.filter(holds).length;
  const lost = lostAgents(record);
  return {
    rows: rows.length,
    marked: count(isMarked),
    registeredTwice: count((row) => registersOf(row) > 1),
    overMarked: count((row) => isMarked(row) && registersOf(row) <= 1),
    lost: count((row) => !isKept(row)),
    unmarked: count((row) => registersOf(row) > 1 && !isMarked(row)),
    lateConnections: lost.reduce((sum, one) => sum + connectionsAfter(one, record), 0),
    losses: lost.length,
    sessions: record.coordinatorKills.length + 1,
    idleMaxMs: Math.max(0, ...record.coordinator.map(({ line }) => 1_000 * Number(IDLE.exec(line)?.[1] ?? 0))),
  };
}

/** A coordinator that was killed could not clear up: what it left goes away by itself. */
function expectNoKeys({ coordinatorKills, keysAfterRun, keysAtEnd }: ChaosRecord): void {
  const isForEver = ([, leftMs]: readonly [string, number]): boolean => leftMs < 0;
  const isOfRun = ([key]: readonly [string, number]): boolean => key.includes(':run:');
  const mayBeLeft = coordinatorKills.length > 0 ? isForEver : () => true;
  const namesOf = (keys: readonly (readonly [string, number])[]): string => keys.map((key) => key.join(' ')).join(', ');
  expect(namesOf([...keysAfterRun].filter(isOfRun).filter(mayBeLeft))).toBe('');
  expect(namesOf([...keysAtEnd].filter(mayBeLeft))).toBe('');
}

async function expectOutputs({ folder }: ChaosRecord, rows: readonly ResultRow[], registers: number): Promise<void> {
  const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as Summary;
  const printed = async (format: string): Promise<string> =>
    (await dpsload(['report', folder, '--format', format])).stdout;
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  expectOneAccount({ summary, page, text: await printed('text'), junit: await printed('junit') });
  expectRegistersSent(rows, summary);
  const { registersSent, registersUncounted } = summary.requests;
  expect(registersSent).toBeLessThanOrEqual(registers);
  expect(registersSent + registersUncounted).toBeGreaterThanOrEqual(registers);
}

/** The journal says of each row that it was assigned, and says so once. */
async function expectOneOutcomeEach({ folder, plan }: ChaosRecord): Promise<void> {
  const assigned = new Map<number, number>();
  await readJournal(join(folder, 'journal.ndjson'), (entry) => {
    if (entry.kind === 'outcome' && entry.result === 'assigned') {
      assigned.set(entry.row, (assigned.get(entry.row) ?? 0) + 1);
    }
  });
  expect(assigned.size).toBe(plan.rows);
  expect([...assigned].filter(([, times]) => times !== 1)).toEqual([]);
}

/** Who was not allowed to open connections any more, and from when on. */
function lostAgents({ agents, coordinator, coordinatorKills }: ChaosRecord): readonly LostAgent[] {
  const given = coordinator.flatMap(({ atMs, line }) => {
    const [, name] = /Agent ([\w-]+) (?:was lost|left the run)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, atMs, silentFromMs: atMs }];
  });
  const orphaned = coordinatorKills.flatMap((atMs) =>
    [...agents.keys()].map((name) => ({ name, atMs, silentFromMs: atMs + SILENT_AFTER_MS })),
  );
  return [...given, ...orphaned];
}

/** Before it has a place again. */
function connectionsAfter({ name, atMs, silentFromMs }: LostAgent, { agents, connections }: ChaosRecord): number {
  const agent = agents.get(name);
  const placed = agent?.said.find((one) => one.atMs >= atMs - ONE_TURN_MS && one.line.includes('serves run'));
  const untilMs = placed?.atMs ?? Number.POSITIVE_INFINITY;
  return connections.filter(
    (one) => one.address === agent?.address && one.atMs > silentFromMs + ONE_TURN_MS && one.atMs < untilMs,
  ).length;
}
