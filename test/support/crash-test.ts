import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import type { ServiceCounters } from '../../src/emulator/service/service-counters.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { JournalRecord } from '../../src/journal/journal-record.ts';
import { SettlementFold } from '../../src/journal/settlement-index.ts';
import { type EmulatorProgram, type Started, startDpsload, startEmulatorProgram } from './dpsload-program.ts';
import { GROUP_KEY_ENV } from './group-key.ts';
import { untilIdle } from './idle-emulator.ts';
import { readLines, readResultRows } from './results.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { targetArgs } from './target-args.ts';

/**
 * Launches of one second: the window that a crash may leave marked though the service knows nothing of it. Half of it is granted ahead; the
 * rest is for launches that a busy machine begins late.
 */
export const WINDOW_ROWS = 100;

export type CrashPlan = {
  readonly folder: string;
  readonly rounds: number;
  readonly rows: number;
  readonly concurrency: number;
  readonly seed: number;
};

export type Tally = {
  readonly rounds: number;
  readonly kills: number;
  /** Kills after which what was written after the last sync was dropped, or a part of it. */
  readonly powerCuts: number;
  readonly bytesDropped: number;
  /** Worker threads that were ended from within. */
  readonly workersLost: number;
  /** Kills before the session had written a record. */
  readonly beforeSession: number;
  /** Resumes that cut off a torn line. */
  readonly tornTails: number;
  /** At one crash, the most devices that the service knew and no grant of the journal named; must be 0. */
  readonly ungrantedMax: number;
  /** At one crash, the most registrations without an outcome, and the most of them that the service knew nothing of. */
  readonly openMax: number;
  readonly openUnsentMax: number;
  /** At one crash, the most rows that its session had granted and not begun to connect. How long a connection takes is up to the machine. */
  readonly unlaunchedMax: number;
  /** In the end: rows that are not assigned, or that the service does not know. */
  readonly lost: number;
  readonly registeredTwice: number;
  /** Of those, the ones that the results do not mark; must be 0. */
  readonly unmarked: number;
  readonly marked: number;
  /** Marked, and registered once. */
  readonly overMarked: number;
  /** Sessions of the journal. */
  readonly sessions: number;
};

/** Runs the built program against an emulator of its own, kills it round after round, resumes it until it is done, and reconciles. */
export async function crashTest(plan: CrashPlan): Promise<Tally> {
  const records = join(plan.folder, 'records.ndjson');
  const args = ['--retry-after', '0', '--http-port', '0', '--records', records];
  const emulator = await startEmulatorProgram(args, GROUP_KEY_ENV);
  try {
    const crashes = new CrashRounds(plan, emulator);
    for (let round = 0; round < plan.rounds; round += 1) await crashes.round();
    await crashes.finish();
    await emulator.stop();
    return { ...crashes.counts, rounds: plan.rounds, ...reconcile(plan, records) };
  } finally {
    await emulator.stop();
  }
}

class CrashRounds {
  readonly #plan: CrashPlan;
  readonly #emulator: EmulatorProgram;
  readonly #random: SimulatedRandom;
  readonly #fleet: string;
  readonly #out: string;
  readonly #synced: string;
  readonly #connections: string;
  /** As of the last look. */
  #sessions = 0;
  #registers = 0;
  readonly counts = {
    kills: 0,
    powerCuts: 0,
    bytesDropped: 0,
    workersLost: 0,
    beforeSession: 0,
    tornTails: 0,
    ungrantedMax: 0,
    openMax: 0,
    openUnsentMax: 0,
    unlaunchedMax: 0,
  };

  constructor(plan: CrashPlan, emulator: EmulatorProgram) {
    this.#plan = plan;
    this.#emulator = emulator;
    this.#random = new SimulatedRandom(plan.seed);
    this.#fleet = join(plan.folder, 'fleet.csv');
    this.#out = join(plan.folder, 'out');
    this.#synced = join(plan.folder, 'synced');
    this.#connections = join(plan.folder, 'connections');
    writeFileSync(this.#fleet, `registration_id\n${idsOf(plan).join('\n')}\n`);
    writeFileSync(this.#synced, '');
  }

  async round(): Promise<void> {
    const bytesBefore = this.#journalBytes();
    writeFileSync(this.#connections, '');
    const fault = this.#random.chance(0.15) ? this.#random.pick(['exit', 'throw']) : null;
    const program = this.#start(
      fault === null ? [] : [`worker-fault.mjs?fault=${fault}&connections=${this.#random.whole(1, 60)}`],
    );
    await this.#untilMoment(program, bytesBefore);
    const ended = program.child.exitCode !== null;
    program.child.kill('SIGKILL');
    const { stderr } = await program.ended;
    if (/Worker \d+ was lost \(/.test(stderr)) this.counts.workersLost += 1;
    if (!ended) this.counts.kills += 1;
    if (this.#journalBytes() === bytesBefore) this.counts.beforeSession += 1;
    if (this.#random.chance(0.35)) this.#cutPower();
    await this.#look();
  }

  /** Resumes until a session comes to its end by itself. */
  async finish(): Promise<void> {
    const { ended } = this.#start([]);
    const { code, stderr } = await ended;
    if (code !== 0) throw new Error(`the last session ended with ${code}:\n${stderr}`);
  }

  #start(preload: readonly string[]): Started {
    const lengths = `synced-length.mjs?to=${encodeURIComponent(this.#synced)}`;
    const connections = `connections-begun.mjs?to=${encodeURIComponent(this.#connections)}`;
    return startDpsload(this.#args(), { env: GROUP_KEY_ENV, preload: [lengths, connections, ...preload] });
  }

  #args(): readonly string[] {
    if (this.#run() !== null) return ['resume', '--last', '--out', this.#out];
    return [
      ...['run', this.#fleet, ...targetArgs(this.#emulator), '--out', this.#out],
      ...['-w', '2', '-r', `${WINDOW_ROWS}/s`, '-c', String(this.#plan.concurrency)],
      // What a resumed run registers again must surprise nobody.
      ...['--expect', 'new', '--max-surprises', '0'],
    ];
  }

  /** Mostly while the session goes on, sometimes while it begins. */
  async #untilMoment({ child }: Started, bytesBefore: number): Promise<void> {
    const wait = this.#random.whole(0, 1_500);
    if (!this.#random.chance(0.2)) {
      while (this.#journalBytes() <= bytesBefore && child.exitCode === null) await pauseMs(5);
    }
    await pauseMs(wait);
  }

  #cutPower(): void {
    const run = this.#run();
    if (run === null) return;
    const journal = join(run, 'journal.ndjson');
    const { ino, size } = statSync(journal);
    const notes = readFileSync(this.#synced, 'utf8').split('\n');
    const last = notes.findLast((line) => line.startsWith(`${ino} `));
    const synced = last === undefined ? 0 : Math.min(size, Number(last.split(' ')[1]));
    // All that was written after the last sync is gone, or what came last of it: in the middle of a line, mostly.
    const left = this.#random.chance(0.5) ? synced : this.#random.whole(synced, size);
    truncateSync(journal, left);
    this.counts.powerCuts += 1;
    this.counts.bytesDropped += size - left;
  }

  /** Compares what the journal knows with what the service knows. */
  async #look(): Promise<void> {
    const run = this.#run();
    await untilIdle(this.#emulator);
    const known = await this.#knownIds();
    const ids = idsOf(this.#plan);
    if (run === null) {
      this.#most('ungrantedMax', known.size);
      return;
    }
    const fold = new SettlementFold();
    const session = new LastSession();
    const { torn } = await readJournal(join(run, 'journal.ndjson'), (record, offset) => {
      session.add(record);
      return fold.add(record, offset);
    });
    if (torn) this.counts.tornTails += 1;
    const progress = ids.map((id, row) => ({ id, row, progress: fold.index?.progressOf(row, 1) ?? 'never-granted' }));
    const open = progress.filter((row) => row.progress === 'open');
    this.#most('openMax', open.length);
    const unsent = open.filter(({ id }) => !known.has(id));
    this.#most('openUnsentMax', unsent.length);
    await this.#lookForUnlaunched(session, unsent);
    const ungranted = progress.filter((row) => row.progress === 'never-granted' && known.has(row.id));
    this.#most('ungrantedMax', ungranted.length);
  }

  /**
   * Of the rows that the last session granted. Each launch begins one connection and sends one register request on it: connections that
   * brought none were cut off while connecting. What earlier sessions left unsent is granted again first, or not yet.
   */
  async #lookForUnlaunched(
    { number, granted }: LastSession,
    unsent: readonly { readonly row: number }[],
  ): Promise<void> {
    const registers = await this.#registersReceived();
    const connecting = statSync(this.#connections).size - (registers - this.#registers);
    // Otherwise it was killed before it wrote anything, and launched nothing.
    if (number > this.#sessions) {
      const released = unsent.filter(({ row }) => granted.has(row)).length;
      this.#most('unlaunchedMax', released - connecting);
    }
    this.#sessions = number;
    this.#registers = registers;
  }

  async #registersReceived(): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.#emulator.httpPort}/counters`);
    return ((await answer.json()) as ServiceCounters).registrationAttempts;
  }

  async #knownIds(): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    for (let continuation: string | null = '0'; continuation !== null; ) {
      const url = `http://127.0.0.1:${this.#emulator.httpPort}/registrations/${this.#emulator.group}/query`;
      const headers = { 'x-ms-max-item-count': '1000', 'x-ms-continuation': continuation };
      const answer = await fetch(url, { method: 'POST', headers });
      for (const { registrationId } of (await answer.json()) as { registrationId: string }[]) known.add(registrationId);
      continuation = answer.headers.get('x-ms-continuation');
    }
    return known;
  }

  #most(name: 'ungrantedMax' | 'openMax' | 'openUnsentMax' | 'unlaunchedMax', count: number): void {
    this.counts[name] = Math.max(this.counts[name], count);
  }

  /** `null` = there is no folder yet that is a run. */
  #run(): string | null {
    const folders = existsSync(this.#out) ? readdirSync(this.#out).sort() : [];
    const run = folders.find((name) => existsSync(join(this.#out, name, 'run.json')));
    return run === undefined ? null : join(this.#out, run);
  }

  #journalBytes(): number {
    const run = this.#run();
    return run === null ? 0 : statSync(join(run, 'journal.ndjson')).size;
  }
}

/** The last session of a journal: its number, and the rows that it granted. */
class LastSession {
  number = 0;
  granted = new Set<number>();

  add(record: JournalRecord): void {
    if (record.kind === 'session') {
      this.number = record.session;
      this.granted = new Set();
    }
    if (record.kind !== 'grant') return;
    for (const [first, last] of record.rows) {
      for (let row = first; row <= last; row += 1) this.granted.add(row);
    }
  }
}

function idsOf({ rows }: CrashPlan): readonly string[] {
  return Array.from({ length: rows }, (_, row) => `crash-${row}`);
}

type RecordLine = { readonly kind: string; readonly registrationId?: string; readonly registers?: number };

function reconcile(plan: CrashPlan, records: string) {
  const out = join(plan.folder, 'out');
  const run = join(out, readdirSync(out).find((name) => existsSync(join(out, name, 'summary.json'))) ?? '');
  const registers = new Map(
    readLines<RecordLine>(records).flatMap(({ kind, registrationId = '', registers: count = 0 }) =>
      kind === 'registration' ? [[registrationId, count] as const] : [],
    ),
  );
  const rows = readResultRows(join(run, 'registrations.csv'));
  const isMarked = (row: (typeof rows)[number]): boolean => row['possibly_twice'] === 'true';
  const count = (row: (typeof rows)[number]): number => registers.get(row['registration_id'] ?? '') ?? 0;
  const assigned = rows.filter((row) => row['result'] === 'assigned' && count(row) > 0);
  return {
    lost: plan.rows - assigned.length,
    registeredTwice: rows.filter((row) => count(row) > 1).length,
    unmarked: rows.filter((row) => count(row) > 1 && !isMarked(row)).length,
    marked: rows.filter(isMarked).length,
    overMarked: rows.filter((row) => isMarked(row) && count(row) <= 1).length,
    sessions: readLines<{ kind: string }>(join(run, 'journal.ndjson')).filter(({ kind }) => kind === 'session').length,
  };
}
