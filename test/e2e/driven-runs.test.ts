import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload, type EmulatorProgram, startEmulatorProgram } from '../support/dpsload-program.ts';
import { freePort } from '../support/free-port.ts';
import { GROUP_KEY_ENV } from '../support/group-key.ts';
import { onlyRunFolder, type ResultRow, readLines, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

/** @param lines `registration_id,device_key,group` */
function fleetFile(name: string, lines: readonly string[]): string {
  writeFileSync(path(name), `registration_id,device_key,group\n${lines.join('\n')}\n`);
  return path(name);
}

const devices = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index},,`);

type Line = {
  readonly kind: string;
  readonly atMs: number;
  readonly row?: number;
  readonly round?: number;
  readonly result?: string;
  readonly intended?: number;
  readonly reason?: string;
  readonly rateAllowedPerSecond?: number;
};

type Driven = {
  readonly code: number | null;
  readonly stderr: string;
  readonly rows: readonly ResultRow[];
  readonly journal: readonly Line[];
  readonly folder: string;
};

let emulator: EmulatorProgram;
beforeAll(async () => {
  emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
});
afterAll(async () => {
  await emulator.stop();
});

/** @param ofInstance what its one instance has beside the enrollment group. */
function startEmulatorWith(name: string, ofAll: string, ofInstance: string): Promise<EmulatorProgram> {
  const config = `version: 1
behavior: { retryAfter: 0s }
${ofAll}
instances:
  - idScope: 0ne00111111
    ${ofInstance}
    enrollmentGroups:
      - enrollmentGroupId: default
        attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }
`;
  writeFileSync(path(`${name}.yaml`), config);
  return startEmulatorProgram(['-c', path(`${name}.yaml`)], GROUP_KEY_ENV);
}

async function drive(name: string, fleet: string, options: readonly string[], at = emulator): Promise<Driven> {
  const out = path(`out-${name}`);
  const run = await dpsload(['run', fleet, ...targetArgs(at), '--out', out, '--quiet', '-w', '1', ...options], {
    env: GROUP_KEY_ENV,
  });
  if (run.code === 2) throw new Error(run.stderr);
  const runFolder = onlyRunFolder(out);
  return {
    code: run.code,
    stderr: run.stderr,
    rows: readResultRows(join(runFolder, 'registrations.csv')),
    journal: readLines<Line>(join(runFolder, 'journal.ndjson')),
    folder: runFolder,
  };
}

const withResult = (rows: readonly ResultRow[], result: string): number =>
  rows.filter((row) => row['result'] === result).length;

const intendedOf = ({ journal }: Driven): readonly number[] =>
  journal.flatMap(({ intended }) => (intended === undefined ? [] : [intended])).sort((a, b) => a - b);

function loadGeneratorOf(run: Driven): Summary['loadGenerator'] {
  return (JSON.parse(readFileSync(join(run.folder, 'summary.json'), 'utf8')) as Summary).loadGenerator;
}

// They wait, mostly, as all below do.
describe.concurrent('load shapes', () => {
  it('within a quota, launches are spread evenly over their share', async () => {
    const fleet = fleetFile('quota.csv', devices('quota', 30));
    const run = await drive('quota', fleet, ['--quota', '1200/min', '--quota-share', '50%', '-w', '2']);
    expect(run.code).toBe(0);
    const intended = intendedOf(run);
    expect(intended).toHaveLength(30);
    // 600 a minute: a tenth of a second apart, to the microsecond. The first has no moment but its own start.
    intended.slice(2).forEach((atMs, index) => {
      expect(atMs - (intended[index + 1] ?? 0)).toBeGreaterThan(99.99);
    });
    const samples = run.journal.filter(({ kind }) => kind === 'sample');
    expect(new Set(samples.map(({ rateAllowedPerSecond }) => rateAllowedPerSecond))).toEqual(new Set([10]));
  });

  it('connections so slow that the permits of launches lapse do not count as repeated requests', async () => {
    const slow = await startEmulatorWith('slow', 'faults: [{ fault: slow-connack, delay: 3500ms }]', '');
    const fleet = fleetFile('slow.csv', devices('slow', 130));
    const run = await drive('slow', fleet, ['--quota', '6000/min', '--quota-share', '100%', '-c', '130'], slow);
    await slow.stop();
    expect(run.code).toBe(0);
    expect(run.rows.every((row) => row['registers_sent'] === '1' && row['result'] === 'assigned')).toBe(true);
  });

  it('throttled before anything was measured, the rate is lowered from what the load asks for', async () => {
    const strict = await startEmulatorWith('strict', '', 'quotas: { register: 5/1s, retryAfter: 1s }');
    const fleet = fleetFile('strict.csv', devices('strict', 40));
    const run = await drive('strict', fleet, ['--rate', '60/s', '--governor', 'on'], strict);
    await strict.stop();
    expect(withResult(run.rows, 'assigned')).toBe(40);
    const allowed = run.journal.flatMap(({ rateAllowedPerSecond = null }) => rateAllowedPerSecond ?? []);
    expect(allowed.length).toBeGreaterThan(0);
    // From 60/s by 30% for each second in which it was throttled again.
    expect(Math.max(...allowed)).toBeGreaterThan(20);
    expect(Math.min(...allowed)).toBeGreaterThan(2);
  });

  it('stages end the run when they are over, with exactly so many launches', async () => {
    const fleet = fleetFile('stages.csv', devices('stages', 100));
    const run = await drive('stages', fleet, ['--stages', '20/s:1s,0:500ms,10/s:1s']);
    expect(run.journal.at(-1)).toMatchObject({ kind: 'end', reason: 'limit' });
    expect(run.code).toBe(0);
    expect(withResult(run.rows, 'assigned')).toBe(30);
    expect(withResult(run.rows, 'not-started')).toBe(70);
    const [first = 0, ...later] = intendedOf(run);
    expect(later.filter((atMs) => atMs - first < 999.9)).toHaveLength(19);
    expect(later.filter((atMs) => atMs - first > 999.9 && atMs - first < 1_499.9)).toHaveLength(0);
    expect(loadGeneratorOf(run).startLagP99Ms).not.toBeNull();
  });

  it('at once, every device is meant to start at the same moment', async () => {
    const run = await drive('at-once', fleetFile('at-once.csv', devices('once', 40)), ['--at-once', '-c', '5']);
    expect(run.code).toBe(0);
    expect(new Set(intendedOf(run)).size).toBe(1);
    // Five slots make no storm of forty.
    expect(loadGeneratorOf(run).outOfSlots).toMatchObject({ waited: 35, launches: 40 });
  });

  it('rounds register the fleet again, each after the one before', async () => {
    const run = await drive('rounds', fleetFile('rounds.csv', devices('rounds', 12)), ['--rounds', '3']);
    expect(run.code).toBe(0);
    expect(run.rows.map((row) => row['round'])).toEqual(Array.from({ length: 12 }, () => ['1', '2', '3']).flat());
    expect(withResult(run.rows, 'assigned')).toBe(36);
    const order = run.journal.flatMap(({ kind, round = 1 }) => (kind === 'outcome' ? [round] : []));
    expect(order).toEqual([...order].sort());
  });

  it('nothing is launched after the duration', async () => {
    const run = await drive('duration', fleetFile('duration.csv', devices('duration', 100)), [
      '-r',
      '10/s',
      '-d',
      '2s',
    ]);
    expect(run.journal.at(-1)).toMatchObject({ kind: 'end', reason: 'limit' });
    expect(withResult(run.rows, 'assigned')).toBe(20);
  });
});

describe.concurrent('which rows are taken', () => {
  it('--exclude leaves out what was assigned in another run, --only takes what a file names', async () => {
    const fleet = fleetFile('selection.csv', devices('sel', 20));
    const first = await drive('selection-1', fleet, ['--limit', '8']);
    const rest = await drive('selection-2', fleet, ['--exclude', first.folder]);
    expect(rest.code).toBe(0);
    const taken = rest.rows.filter((row) => row['result'] === 'assigned').map((row) => row['registration_id']);
    expect(taken).toEqual(Array.from({ length: 12 }, (_, index) => `sel-${index + 8}`));
    writeFileSync(path('only.csv'), 'registration_id,reason\nSEL-3,x\nsel-17,y\n');
    const only = await drive('selection-3', fleet, ['--only', path('only.csv')]);
    expect(only.code).toBe(0);
    expect(only.rows.flatMap((row) => (row['result'] === 'assigned' ? [row['registration_id']] : []))).toEqual([
      'sel-3',
      'sel-17',
    ]);
    const nothing = drive('selection-4', fleet, ['--only', path('only.csv'), '--exclude', only.folder]);
    await expect(nothing).rejects.toThrow(/no row of the fleet is left/);
  });
});

describe.concurrent('stops that protect', () => {
  it('a canary that fails stops the run before the rest is started', async () => {
    const wrong = Buffer.alloc(32, 7).toString('base64');
    const lines = [...devices('canary', 30).slice(0, 2), `bad,${wrong},`, ...devices('canary', 30).slice(2)];
    const run = await drive('canary', fleetFile('canary.csv', lines), ['--canary', '3']);
    expect(run.code).toBe(4);
    expect(run.journal.at(-1)).toMatchObject({
      kind: 'end',
      reason: 'canary',
      message: expect.stringMatching(/canary device bad ended as refused: 401000/),
    });
    expect(withResult(run.rows, 'not-started')).toBe(28);
  });

  it('a canary that succeeds comes first, and every row is registered once', async () => {
    const run = await drive('canary-good', fleetFile('canary-good.csv', devices('good', 30)), ['--canary', '3']);
    expect(run.code).toBe(0);
    const grants = run.journal.filter(({ kind }) => kind === 'grant');
    expect(grants[0]).toMatchObject({ rows: [[0, 2]] });
    expect(run.rows.every((row) => row['registers_sent'] === '1' && row['result'] === 'assigned')).toBe(true);
  });

  it('devices that the service knew before are marked, and too many stop the run', async () => {
    const fleet = fleetFile('expect.csv', devices('expect', 60));
    const first = await drive('expect-1', fleet, ['--expect', 'new', '--max-surprises', '0']);
    expect(first.code).toBe(0);
    const again = await drive('expect-2', fleet, ['--expect', 'new', '--max-surprises', '3', '-c', '1', '-w', '1']);
    expect(again.code).toBe(5);
    expect(again.journal.at(-1)).toMatchObject({ kind: 'end', reason: 'surprises' });
    const marked = again.rows.filter((row) => row['error_code'] === 'known-before');
    expect(marked.length).toBeGreaterThanOrEqual(4);
    expect(marked.every((row) => row['result'] === 'assigned')).toBe(true);
    expect(withResult(again.rows, 'not-started')).toBeGreaterThan(0);
  });

  it('what would leave the quota of a real service is not begun without a word', async () => {
    const fleet = fleetFile('prompt.csv', devices('prompt', 1_200));
    const target = ['--host', 'dps.invalid', '--id-scope', '0ne00111111', '--out', path('out-prompt')];
    for (const options of [
      ['--quota', 'off'],
      ['--governor', 'off'],
    ]) {
      const run = await dpsload(['run', fleet, ...target, ...options], { env: GROUP_KEY_ENV });
      expect(run.code).toBe(2);
      expect(run.stderr).toMatch(
        /dps\.invalid, ID scope 0ne00111111: 1,200 rows, at least 1,200 billed register requests, about \d/,
      );
      expect(run.stderr).toMatch(/--yes/);
    }
    const confirmed = await dpsload(['run', fleet, ...target, '--at-once', '--quota', 'off', '--yes'], {
      env: GROUP_KEY_ENV,
    });
    // It goes on, and finds no such host.
    expect(confirmed.code).toBe(4);
  });
});

describe.concurrent('an outage', () => {
  /** A run at 20/s whose emulator ends once 20 devices are assigned. */
  async function cutOff(name: string, options: readonly string[]) {
    const caDir = path(`${name}-ca`);
    const start = (port: number): Promise<EmulatorProgram> =>
      startEmulatorProgram(['--port', String(port), '--ca-dir', caDir, '--retry-after', '0'], GROUP_KEY_ENV);
    const first = await start(await freePort());
    const fleet = fleetFile(`${name}.csv`, devices(name, 200));
    const run = drive(name, fleet, ['-r', '20/s', '-c', '60', '--attempts', '3', ...options], first);
    const outcomes = (): readonly Line[] => readJournalSoFar(name).filter(({ kind }) => kind === 'outcome');
    await during(run, () => outcomes().filter(({ result }) => result === 'assigned').length >= 20);
    await first.stop();
    return { run, outcomes, startAgain: () => start(first.port) };
  }

  /** Resolves when `holds` does; rejects when the run ends before. */
  async function during(run: Promise<Driven>, holds: () => boolean): Promise<void> {
    let hasEnded = false;
    const note = (): void => {
      hasEnded = true;
    };
    void run.then(note, note);
    while (!holds()) {
      if (hasEnded) throw new Error(`ended before that: ${(await run).stderr}`);
      await pauseMs(100);
    }
  }

  function readJournalSoFar(name: string): readonly Line[] {
    try {
      const text = readFileSync(join(onlyRunFolder(path(`out-${name}`)), 'journal.ndjson'), 'utf8');
      const lines = text.slice(0, text.lastIndexOf('\n')).split('\n');
      return lines.map((line) => JSON.parse(line) as Line);
    } catch {
      return [];
    }
  }

  it('is waited for, and nothing is lost: what was never sent is started again', async () => {
    const { run, outcomes, startAgain } = await cutOff('outage', []);
    await during(run, () => outcomes().some(({ result }) => result === 'not-started'));
    const second = await startAgain();
    const { rows, journal } = await run;
    await second.stop();
    expect(journal.at(-1)).toMatchObject({ kind: 'end', reason: 'completed' });
    expect(rows).toHaveLength(200);
    expect(rows.filter((row) => row['result'] !== 'assigned')).toEqual([]);
  });

  it('that lasts too long stops the run; what was never sent counts as not started', async () => {
    const { run } = await cutOff('long-outage', ['--outage-max', '2s']);
    const { code, journal, rows } = await run;
    expect(code).toBe(5);
    expect(journal.at(-1)).toMatchObject({ kind: 'end', reason: 'outage' });
    const unsent = rows.filter((row) => row['registers_sent'] === '0');
    expect(unsent.length).toBeGreaterThan(0);
    expect(new Set(unsent.map((row) => row['result']))).toEqual(new Set(['not-started']));
  });
});
