import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunComparison } from '../../src/report/compare-runs.ts';
import type { Summary } from '../../src/report/summary.ts';
import { aimAtService } from '../support/aim-at-service.ts';
import { dpsload, type Ended } from '../support/dpsload-program.ts';
import { onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Runs of the version before: `done` finished, `cut` was killed; with their fleet and scenario. */
const FIXTURE = new URL('../fixtures/earlier-version/', import.meta.url);
const DEVICES = 40;
/** 30 slots are too few for 20 registrations of 3 s each second, which is a finding, and no reason to fail a threshold that holds. */
const SUCCESS = 0;
/** The exit code of `compare` when a figure is worse. */
const WORSE = 99;
const env = { DPSLOAD_GROUP_KEY: Buffer.from('k'.repeat(64)).toString('base64') };

/** The fixture in a folder of its own. Paths in run.json are those of the folder in which the run was made. */
function copyOfFixture() {
  const cwd = temporaryFolder();
  cpSync(FIXTURE, cwd, { recursive: true });
  for (const run of ['done', 'cut']) {
    const file = join(cwd, run, 'run.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('FOLDER', cwd));
  }
  return { cwd, program: (...args: string[]) => dpsload(args, { cwd, env }) };
}

const resultsIn = (folder: string): readonly (string | undefined)[] =>
  readResultRows(join(folder, 'registrations.csv')).map(({ result }) => result);

const killed = copyOfFixture();
rmSync(join(killed.cwd, 'done'), { recursive: true });
/** Resumed while the other tests run: it takes as long as they do. */
let resumed: Promise<Ended>;
beforeAll(() => {
  resumed = killed.program('resume', 'cut');
});

const ALL_ASSIGNED = Array.from({ length: DEVICES }, () => 'assigned');

/** A JSON file with the type of each value in its place: the order of members counts. */
function shapeOf(file: string): object {
  const typeOf = (_: string, value: unknown) => (typeof value === 'object' ? value : typeof value);
  return JSON.parse(JSON.stringify(JSON.parse(readFileSync(file, 'utf8')), typeOf)) as object;
}

type Line = { readonly kind: string; readonly row?: number; readonly rows?: readonly (readonly [number, number])[] };

/** Rows that the journal grants and has no outcome of. */
function rowsInDoubt(journal: string): ReadonlySet<number> {
  const rows = new Set<number>();
  for (const line of readLines<Line>(journal)) {
    for (const [first, last] of line.rows ?? []) for (let row = first; row <= last; row += 1) rows.add(row);
    if (line.kind === 'outcome') rows.delete(line.row ?? -1);
  }
  return rows;
}

describe('a finished run of the version before', () => {
  const { cwd, program } = copyOfFixture();

  it('has the same results when its report is made again', async () => {
    const { code, stderr } = await program('report', 'done');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^SHA256SUMS: [0-9a-f]{64}\n$/)]);
    // Members that this version adds or changes.
    const {
      schemaVersion,
      account,
      groups,
      breakdowns,
      sharedValues,
      files,
      requests,
      verdict,
      notes,
      journals,
      sessions,
      loadGenerator,
      thresholds,
      wrongHubs,
      throughput,
      ...same
    } = JSON.parse(readFileSync(join(cwd, 'done', 'summary.json'), 'utf8')) as Summary;
    const before = JSON.parse(readFileSync(new URL('done/summary.json', FIXTURE), 'utf8')) as Summary;
    expect({ ...before, latency: { ...before.latency, dns: null } }).toMatchObject(same);
    expect(sessions).toMatchObject(before.sessions);
    expect(throughput).toMatchObject(before.throughput);
    // That version judged the load generator by other measurements, which its journal has.
    const { limited, limits, ...measured } = before.loadGenerator;
    expect(loadGenerator).toMatchObject({ ...measured, limited: false });
    expect([limited, limits.length]).toEqual([true, loadGenerator.limits.length]);
    expect(loadGenerator.limits.map(({ observed }) => observed)).toEqual([null, null, null]);
    expect(thresholds.map(({ observed }) => observed)).toEqual(before.thresholds.map(({ observed }) => observed));
    expect(wrongHubs).toEqual({ count: 0, first: [] });
    expect([schemaVersion, verdict, groups, breakdowns, sharedValues, notes]).toEqual([
      2,
      before.verdict,
      [],
      [],
      [],
      {},
    ]);
    expect(journals).toHaveLength(1);
    expect(account).toMatchObject({ fileRows: DEVICES, assigned: DEVICES, notSelected: 0, unknown: 0 });
    expect(requests).toEqual({ ...before.requests, registersUncounted: 0, registersReplaced: 0 });
    expect(files?.filter(({ name }) => !['not-registered.csv', 'series.csv', 'wrong-hub.csv'].includes(name))).toEqual(
      before.files,
    );
    for (const name of ['registrations.csv', 'failures.csv', 'moves.csv']) {
      expect(readFileSync(join(cwd, 'done', name), 'utf8'), name).toBe(
        readFileSync(new URL(`done/${name}`, FIXTURE), 'utf8'),
      );
    }
  });

  it('is found as an earlier run of its fleet', async () => {
    const other = copyOfFixture();
    const atService = [...aimAtService(join(other.cwd, 'done')), '--out', '.', '--dry-run'];
    const { code, stderr } = await other.program('run', 'fleet.csv', ...atService);
    expect(code).toBe(2);
    expect(stderr).toMatch(/\bdone\b/);
  });

  it('compares with a run of its scenario that is made now', async () => {
    const { code, stderr } = await program('run', '-s', 'scenario.yaml', '--out', 'new', '--quiet');
    expect([code, stderr]).toEqual([
      SUCCESS,
      expect.stringMatching(/^results: .*\nreport: .*\nSHA256SUMS: .*\nverdict: .*\n$/),
    ]);
    const run = onlyRunFolder(join(cwd, 'new'));
    expect(resultsIn(run)).toEqual(ALL_ASSIGNED);
    // Members are added, none is lost, renamed or retyped; but a default that follows from the load is derived again on resume.
    const before = shapeOf(join(cwd, 'done', 'run.json')) as { settings: { load: Record<string, unknown> } };
    const { governor, ...load } = before.settings.load;
    expect(governor).toBe('string');
    expect(shapeOf(join(run, 'run.json'))).toMatchObject({ ...before, settings: { ...before.settings, load } });
    const compared = await program('compare', 'done', run, '--by-device', '--format', 'json');
    expect([SUCCESS, WORSE]).toContain(compared.code);
    const { figures, devices } = JSON.parse(compared.stdout) as RunComparison;
    expect(figures.find(({ name }) => name === 'assigned')?.values).toEqual([1, 1]);
    const compares = devices?.map(({ changes }) => Object.values(changes).reduce((sum, count) => sum + count, 0));
    expect(compares).toEqual([DEVICES]);
  });
});

describe('a run of the version before that was killed', () => {
  it('is resumed: every device is registered, and those that were granted are marked', async () => {
    const inDoubt = rowsInDoubt(join(FIXTURE.pathname, 'cut', 'journal.ndjson'));
    const { code, stderr } = await resumed;
    expect([code, stderr]).toEqual([SUCCESS, expect.stringContaining('Session 2 of the run')]);
    expect(resultsIn(join(killed.cwd, 'cut'))).toEqual(ALL_ASSIGNED);
    const marked = readResultRows(join(killed.cwd, 'cut', 'registrations.csv')).flatMap((row, index) =>
      row['possibly_twice'] === 'true' ? [index] : [],
    );
    expect(inDoubt.size).toBeGreaterThan(30);
    expect(new Set(marked)).toEqual(inDoubt);
  });
});
