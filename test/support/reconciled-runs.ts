import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RecordLine } from '../../src/emulator/service/registration-record.ts';
import type { ServiceCounters } from '../../src/emulator/service/service-counters.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { reachedPlannedEnd, type Summary } from '../../src/report/summary.ts';
import {
  type AccountOutputs,
  expectExitCode,
  expectNotRegistered,
  expectOneAccount,
  expectRegistersSent,
  STATES,
  type StateCounts,
} from './account-outputs.ts';
import { dpsload, type EmulatorProgram, startDpsload, startEmulatorProgram } from './dpsload-program.ts';
import { untilIdle } from './idle-emulator.ts';
import { onlyRunFolder, readLines, readResultRows } from './results.ts';
import { SimulatedRandom } from './simulated-random.ts';
import { untilJournal } from './survival-runs.ts';
import { targetArgs } from './target-args.ts';

const ENDINGS = ['to the end', 'killed', 'interrupted', 'merged'] as const;

/** What happens to the runs of a seed, so that a few seeds in a row have everything. */
export function endingOf(seed: number): (typeof ENDINGS)[number] {
  return ENDINGS[seed % ENDINGS.length] ?? 'to the end';
}

const GROUPS = ['line-a', 'line-b', 'line-c'] as const;
const LAUNCHES_PER_SECOND = 60;
const WRONG_KEY = Buffer.alloc(32, 7).toString('base64');

type Group = (typeof GROUPS)[number];

const keyVariableOf = (group: Group): string => `KEY_OF_${group.replace('-', '_').toUpperCase()}`;

/** @param wrong the group whose key is not the service's */
function keysOf(wrong: Group | null): Readonly<Record<string, string>> {
  const keyOf = (group: Group): string => Buffer.alloc(32, group).toString('base64');
  return Object.fromEntries(GROUPS.map((group) => [keyVariableOf(group), group === wrong ? WRONG_KEY : keyOf(group)]));
}

type Device = { readonly id: string; readonly group: Group };

type Fleet = {
  readonly file: string;
  /** Those of the usable rows, in the order of the file. */
  readonly devices: readonly Device[];
  readonly fileRows: number;
  readonly leftOut: number;
};

type Stop = { readonly signal: 'SIGKILL' | 'SIGINT'; readonly isResumed: boolean };

type Selection = {
  /** IDs of the devices that --only or --exclude leave. */
  readonly among: ReadonlySet<string>;
  readonly flags: readonly string[];
};

type RunPlan = Selection & {
  /** `null` = it comes to its end by itself. */
  readonly ending: Stop | null;
  /** The group whose key is not the service's. */
  readonly wrong: Group | null;
};

type Started = Pick<RunPlan, 'ending' | 'wrong'> & { readonly out: string };

/** A run that has ended, or was ended. */
type Ran = {
  readonly folder: string;
  /** Of the last session; `null` = killed. */
  readonly code: number | null;
  readonly wasStopped: boolean;
  readonly selected: ReadonlySet<string>;
  readonly wrong: Group | null;
  /** Register requests that the emulator received meanwhile. */
  readonly registers: number;
};

/** Of some of the runs of a fleet. */
type Told = AccountOutputs & {
  readonly runs: readonly Ran[];
  /** Where the files are; `null` = none were written, because the last run has no end. */
  readonly folder: string | null;
};

/** What a test has seen: outputs by their kind, and rows in all of them by state. */
export type Tally = Readonly<Record<'outputs' | 'unfinished' | 'canaryStops' | 'merges' | keyof StateCounts, number>>;

/**
 * Draws a small fleet with rows that cannot be used and a group whose key may be wrong, runs the built program on it in a random
 * way, and compares every output with the emulator's own records.
 */
export async function reconcileRuns(root: string, seed: number): Promise<Tally> {
  const folder = mkdtempSync(join(root, `seed-${seed}-`));
  const runs = new RandomRuns(folder, seed);
  const records = join(folder, 'records.ndjson');
  const emulator = await startEmulatorProgram(
    ['-c', emulatorConfig(folder), '--http-port', '0', '--records', records],
    keysOf(null),
  );
  try {
    const told = await runs.all(emulator);
    await emulator.stop();
    const lines = readLines<RecordLine | { readonly kind: 'counters' }>(records);
    const known = lines.flatMap((line) => (line.kind === 'registration' ? [[line.registrationId, line] as const] : []));
    for (const one of told) expectReconciled(one, runs, new Map(known));
    return tallyOf(told);
  } catch (error) {
    throw new Error(`seed ${seed}: ${runs.commands.join('\n')}`, { cause: error });
  } finally {
    await emulator.stop();
  }
}

function emulatorConfig(folder: string): string {
  const file = join(folder, 'emulator.yaml');
  const enrollmentGroups = GROUPS.map((group) => ({
    enrollmentGroupId: group,
    attestation: { symmetricKey: { primaryKeyVariable: keyVariableOf(group) } },
  }));
  const instances = [{ idScope: '0ne00111111', enrollmentGroups }];
  writeFileSync(file, JSON.stringify({ version: 1, behavior: { retryAfter: '0s' }, instances }));
  return file;
}

class RandomRuns {
  readonly #folder: string;
  readonly #seed: number;
  readonly #random: SimulatedRandom;
  readonly #canary: number;
  /** Of all runs of the seed, since only runs with the same rows and rounds can be merged. */
  readonly #common: readonly string[];
  readonly fleet: Fleet;
  readonly runs: Ran[] = [];
  /** As they were given. */
  readonly commands: string[] = [];

  constructor(folder: string, seed: number) {
    this.#folder = folder;
    this.#seed = seed;
    this.#random = new SimulatedRandom(seed);
    this.fleet = drawFleet(folder, this.#random);
    this.#canary = this.#random.chance(0.3) ? this.#random.whole(1, 3) : 0;
    const groups = Object.fromEntries(GROUPS.map((group) => [group, { keyVariable: keyVariableOf(group) }]));
    const scenario = join(folder, 'scenario.yaml');
    writeFileSync(scenario, JSON.stringify({ version: 1, attestation: { groups } }));
    this.#common = [
      ...['-s', scenario, '--quiet', '-w', '1', '-r', `${LAUNCHES_PER_SECOND}/s`, '--canary', String(this.#canary)],
      ...(this.fleet.leftOut > 0 ? ['--on-bad-row', 'skip'] : []),
      ...(this.#random.chance(0.25) ? ['--rounds', '2'] : []),
    ];
  }

  /** Makes the runs, and returns what is said of each, and of all. */
  async all(emulator: EmulatorProgram): Promise<readonly Told[]> {
    const wrong = this.#random.pick([null, null, ...GROUPS]);
    const first = await this.#run(emulator, { ...this.#drawSelection(), ending: this.#drawEnding(), wrong });
    const ofFirst = await this.#tell([first], null);
    if (endingOf(this.#seed) !== 'merged') return [ofFirst];
    const rest = await this.#drawRest(first);
    if (rest.among.size === 0) return [ofFirst];
    const repaired = this.#random.chance(0.5) ? null : wrong;
    const second = await this.#run(emulator, { ...rest, ending: this.#drawEnding(), wrong: repaired });
    const merged = await this.#tell([first, second], join(this.#folder, 'merged'));
    return [ofFirst, await this.#tell([second], null), merged];
  }

  get #ids(): readonly string[] {
    return this.fleet.devices.map(({ id }) => id);
  }

  #drawSelection(): Selection {
    if (!this.#random.chance(0.3)) return { among: new Set(this.#ids), flags: [] };
    const among = this.#ids.filter((_, place) => place === 0 || this.#random.chance(0.6));
    const only = join(this.#folder, 'only.csv');
    writeFileSync(only, `registration_id\n${among.join('\n')}\n`);
    return { among: new Set(among), flags: ['--only', only] };
  }

  /** What `first` left undone, continued in either of the two possible ways. */
  async #drawRest(first: Ran): Promise<Selection> {
    const list = join(first.folder, 'not-registered.csv');
    if (existsSync(list) && this.#random.chance(0.5)) {
      const listed = new Set(readResultRows(list).map((row) => row['registration_id']));
      return { among: new Set(this.#ids.filter((id) => listed.has(id))), flags: ['--only', list] };
    }
    const assigned = new Set<string>();
    await readJournal(join(first.folder, 'journal.ndjson'), (record) => {
      if (record.kind === 'outcome' && record.result === 'assigned') assigned.add(record.registrationId);
    });
    return { among: new Set(this.#ids.filter((id) => !assigned.has(id))), flags: ['--exclude', first.folder] };
  }

  #drawEnding(): Stop | null {
    const ending = endingOf(this.#seed);
    const isStopped = ending === 'merged' ? this.#random.chance(0.4) : ending !== 'to the end';
    if (!isStopped) return null;
    const isKill = ending === 'merged' ? this.#random.chance(0.5) : ending === 'killed';
    return { signal: isKill ? 'SIGKILL' : 'SIGINT', isResumed: this.#random.chance(0.5) };
  }

  async #run(emulator: EmulatorProgram, { among, flags, ending, wrong }: RunPlan): Promise<Ran> {
    const limit = this.#random.chance(0.35) ? this.#random.whole(1, this.fleet.devices.length) : null;
    const out = join(this.#folder, `out-${this.runs.length}`);
    const before = await registersOf(emulator);
    const code = await this.#start(
      [
        ...['run', this.fleet.file, ...this.#common, ...targetArgs(emulator), '--out', out, ...flags],
        ...(limit === null ? [] : ['--limit', String(limit)]),
      ],
      { out, ending, wrong },
    );
    const folder = onlyRunFolder(out);
    const ran: Ran = {
      folder,
      code: ending?.isResumed ? await this.#resume(folder, wrong) : code,
      wasStopped: ending !== null,
      selected: this.#selected(among, limit),
      wrong,
      registers: (await settledRegistersOf(emulator)) - before,
    };
    this.runs.push(ran);
    return ran;
  }

  async #start(args: readonly string[], { out, ending, wrong }: Started): Promise<number | null> {
    this.commands.push(`dpsload ${args.join(' ')} (${ending?.signal ?? 'to the end'}, wrong key: ${wrong ?? 'none'})`);
    const { child, ended } = startDpsload(args, { env: keysOf(wrong) });
    if (ending !== null) {
      await untilJournal(out, ({ kind }) => kind === 'session', ended);
      await pauseMs(this.#random.whole(0, (1_000 * this.fleet.devices.length) / LAUNCHES_PER_SECOND));
      child.kill(ending.signal);
    }
    const { code, stderr } = await ended;
    if (code === 1 || code === 2) throw new Error(stderr);
    return code;
  }

  async #resume(folder: string, wrong: Group | null): Promise<number | null> {
    this.commands.push(`dpsload resume ${folder}`);
    return (await dpsload(['resume', folder, '--quiet'], { env: keysOf(wrong) })).code;
  }

  /** The canary, and then as many others as the limit leaves, in the order of the file. */
  #selected(among: ReadonlySet<string>, limit: number | null): ReadonlySet<string> {
    const taken = this.fleet.devices.filter(({ id }) => among.has(id));
    const isCanary = ({ id, group }: Device): boolean =>
      taken.filter((one) => one.group === group).findIndex((one) => one.id === id) < this.#canary;
    const inOrder = [...taken.filter(isCanary), ...taken.filter((device) => !isCanary(device))];
    return new Set(inOrder.slice(0, limit ?? taken.length).map(({ id }) => id));
  }

  async #tell(runs: readonly Ran[], out: string | null): Promise<Told> {
    const folder = out ?? runs[0]?.folder ?? '';
    const args = ['report', ...runs.map((run) => run.folder), ...(out === null ? [] : ['--out', out])];
    const printed = async (format: string): Promise<string> => {
      const { code, stdout, stderr } = await dpsload([...args, '--format', format]);
      if (code !== 0) throw new Error(`dpsload ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout;
    };
    const text = await printed('text');
    const junit = await printed('junit');
    const hasFiles = existsSync(join(folder, 'summary.json'));
    const file = (name: string, format: string): string | Promise<string> =>
      hasFiles ? readFileSync(join(folder, name), 'utf8') : printed(format);
    const summary = JSON.parse(await file('summary.json', 'json')) as Summary;
    const page = await file('report.html', 'html');
    return { summary, text, page, junit, runs, folder: hasFiles ? folder : null };
  }
}

function drawFleet(folder: string, random: SimulatedRandom): Fleet {
  const devices = Array.from({ length: random.whole(10, 40) }, (_, place) => ({
    id: `dev-${place}`,
    group: random.pick(GROUPS),
  }));
  const lineOf = ({ id, group }: Device): string => `${id},${group},site ${random.whole(1, 3)}`;
  const lines = devices.map(lineOf);
  const twins = new Set<string>();
  const unusable = random.chance(0.6) ? random.whole(1, 5) : 0;
  for (let bad = 0; bad < unusable; bad += 1) {
    const device = devices[random.whole(1, devices.length - 1)] as Device;
    const isTwin = random.chance(0.5) && !twins.has(device.id);
    if (isTwin) twins.add(device.id);
    const line = isTwin ? lineOf(device) : lineOf({ ...device, id: `no id ${bad}` });
    lines.splice(random.whole(0, lines.length), 0, line);
  }
  const file = join(folder, 'fleet.csv');
  writeFileSync(file, `registration_id,group,Site\n${lines.join('\n')}\n`);
  // Of two rows with the same ID, neither can be used.
  const usable = devices.filter(({ id }) => !twins.has(id));
  return { file, devices: usable, fileRows: lines.length, leftOut: lines.length - usable.length };
}

async function registersOf({ httpPort }: EmulatorProgram): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/counters`);
  return ((await answer.json()) as ServiceCounters).registrationAttempts;
}

/** After what was under way when a run was killed has arrived. */
async function settledRegistersOf(emulator: EmulatorProgram): Promise<number> {
  await untilIdle(emulator);
  return registersOf(emulator);
}

type Records = ReadonlyMap<string, RecordLine>;

function expectReconciled(told: Told, { fleet, runs }: RandomRuns, records: Records): void {
  const { summary, folder } = told;
  const { account, requests, end } = summary;
  expectOneAccount(told);
  const { fileRows, leftOut } = fleet;
  const notSelected = fleet.devices.filter(({ id }) => !isSelected(told.runs, id)).length;
  expect(account).toMatchObject({ fileRows, leftOut, notSelected });
  const registers = told.runs.reduce((sum, run) => sum + run.registers, 0);
  expect(requests.registersSent).toBeLessThanOrEqual(registers);
  expect(requests.registersSent + requests.registersUncounted).toBeGreaterThanOrEqual(registers);
  const [run, another] = told.runs;
  // A run may have come to its end, and been killed before it could exit.
  if (run !== undefined && another === undefined && run.code !== null) expectExitCode(run.code, summary);
  if (!told.runs.some(({ wasStopped }) => wasStopped)) expect(account.unknown).toBe(0);
  // Only for these is it certain that the runs of these results made their records.
  const others = runs.filter((one) => !told.runs.includes(one));
  const own = fleet.devices.filter(({ id }) => !isSelected(others, id));
  expect(account.assigned).toBeLessThanOrEqual(records.size);
  expect(own.filter(({ id }) => records.has(id)).length).toBeLessThanOrEqual(account.assigned + account.unknown);
  expect(folder === null).toBe(end === null);
  if (folder !== null) expectDevices({ ...told, folder, own }, fleet, records);
}

function isSelected(runs: readonly Ran[], id: string): boolean {
  return runs.some(({ selected }) => selected.has(id));
}

type ToldInFiles = Told & { readonly folder: string; readonly own: readonly Device[] };

function expectDevices({ summary, folder, runs, own }: ToldInFiles, { devices }: Fleet, records: Records): void {
  const rows = readResultRows(join(folder, 'registrations.csv'));
  expectRegistersSent(rows, summary);
  const notRegistered = expectNotRegistered(folder, summary.account);
  const hubs = new Map(
    rows.filter((row) => row['result'] === 'assigned').map((row) => [row['registration_id'], row['assigned_hub']]),
  );
  const states = new Map(
    notRegistered.filter((row) => row['state'] !== 'left-out').map((row) => [row['registration_id'], row['state']]),
  );
  const isWhole = runs.length === 1 && reachedPlannedEnd(summary.end);
  for (const device of devices) {
    const { id, group } = device;
    const state = states.get(id) ?? 'assigned';
    const record = records.get(id);
    const hasWrongKey = runs.some(({ wrong }) => wrong === group);
    const wanted = hasWrongKey ? 'failed' : 'assigned';
    if (isWhole || state === 'not-selected') {
      expect([id, state]).toEqual([id, isSelected(runs, id) ? wanted : 'not-selected']);
    }
    if (state === 'failed') expect([id, hasWrongKey]).toEqual([id, true]);
    if (state === 'assigned') {
      expect([id, record?.status, record?.assignedHub]).toEqual([id, 'assigned', hubs.get(id)]);
    } else if (own.includes(device) && record !== undefined) {
      expect([id, state]).toEqual([id, 'unknown']);
    }
  }
}

function tallyOf(told: readonly Told[]): Tally {
  const count = (holds: (one: Told) => boolean): number => told.filter(holds).length;
  const rows = (state: (typeof STATES)[number]): number =>
    told.reduce((sum, { summary }) => sum + summary.account[state], 0);
  return {
    outputs: told.length,
    unfinished: count(({ folder }) => folder === null),
    canaryStops: count(({ summary }) => summary.end?.reason === 'canary'),
    merges: count(({ runs }) => runs.length > 1),
    ...(Object.fromEntries(STATES.map((state) => [state, rows(state)])) as StateCounts),
  };
}
