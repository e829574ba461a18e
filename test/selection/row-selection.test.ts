import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { SettlementIndex } from '../../src/journal/settlement-index.ts';
import { PROBLEMS_LISTED_MAX } from '../../src/problem/operator-error.ts';
import { sessionWaves } from '../../src/run/waves.ts';
import { resolveScenario } from '../../src/scenario/read/resolve-scenario.ts';
import { CANARY_ROWS_MAX } from '../../src/selection/canary.ts';
import { selectRows } from '../../src/selection/row-selection.ts';
import { countRegistrations } from '../../src/selection/session-rows.ts';
import { operatorError } from '../support/fleet-file.ts';
import { fleetRow } from '../support/launches.ts';
import { grantRecord, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

function listFile(text: string): string {
  const file = join(mkdtempSync(join(folder, 'list-')), 'only.csv');
  writeFileSync(file, text);
  return file;
}

/** Rows of three groups in turn. */
async function* fleet(rows: number): AsyncGenerator<FleetRow> {
  for (let row = 0; row < rows; row += 1) yield { ...fleetRow(row), group: `g${row % 3}` };
}

function scenario(flags: Readonly<Record<string, string>>) {
  return resolveScenario({
    flags: { fleet: 'f.csv', emulator: 'true', ...flags },
    environment: {},
    scenarioFile: null,
    cores: 2,
  }).scenario;
}

describe('the rows that a run takes', () => {
  it('are all, without a canary', async () => {
    expect(await selectRows(fleet(10), scenario({}))).toMatchObject({ rows: 10, canary: [] });
  });

  it('begin with the first of each group', async () => {
    const { canary } = await selectRows(fleet(10), scenario({ canary: '2' }));
    expect(canary.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('leave out what another run assigned, whatever the case, and nothing else', async () => {
    writeJournal(join(folder, 'journal.ndjson'), [
      sessionOf(10),
      outcomeRecord(0, { registrationId: 'DEV-1', result: 'assigned' }),
      outcomeRecord(1, { registrationId: 'dev-2', result: 'failed' }),
    ]);
    const { rows, takes } = await selectRows(fleet(10), scenario({ exclude: folder }));
    expect(rows).toBe(9);
    expect([0, 1, 2].map((row) => takes(fleetRow(row)))).toEqual([true, false, true]);
  });

  it('are those that a file names, if it leaves any', async () => {
    const only = listFile('registration_id,why,api_token\ndev-4,x,\nDEV-7,y,\ndev-7,z,\n');
    expect(await selectRows(fleet(10), scenario({ only }))).toMatchObject({ rows: 2, warnings: [] });
    const { problems } = await operatorError(() => selectRows(fleet(3), scenario({ only })));
    expect(problems[0]?.message).toBe(`no row of the fleet is left after --only ${only}`);
  });

  it('are not those of a file that names what the fleet does not have, unless such are left out', async () => {
    const only = listFile('registration_id\ndev-4\nelsewhere\ndev-7 \n');
    const { problems } = await operatorError(() => selectRows(fleet(10), scenario({ only })));
    expect(problems.map(({ file, line }) => [file, line])).toEqual([
      [only, 3],
      [only, 4],
    ]);
    expect(problems[0]).toMatchObject({
      message: '"elsewhere" is not among the usable rows of the fleet',
      remedy: expect.stringContaining('--on-bad-row skip'),
    });
    const { rows, warnings } = await selectRows(fleet(10), scenario({ only, onBadRow: 'skip' }));
    expect(rows).toBe(1);
    expect(warnings).toEqual([
      `${only} names 2 IDs that the fleet does not have: "elsewhere" (line 3), "dev-7 " (line 4)`,
    ]);
  });

  it('are counted where the file names many in vain', async () => {
    const strange = Array.from({ length: 80 }, (_, index) => `strange-${index}\n`).join('');
    const only = listFile(`registration_id\ndev-1\n${strange}`);
    const { problems } = await operatorError(() => selectRows(fleet(10), scenario({ only })));
    expect(problems.at(-1)?.message).toBe(`and ${80 - PROBLEMS_LISTED_MAX} more`);
    const { warnings } = await selectRows(fleet(10), scenario({ only, onBadRow: 'skip' }));
    expect(warnings[0]).toMatch(/names 80 IDs .*, "strange-4" \(line 7\), …$/);
  });

  it.each([
    ['dev-1\ndev-2\n', 1, 'no column registration_id; the columns are "dev-1"'],
    ['Serial;Site\na;b\n', 1, 'no column registration_id; the columns are "Serial", "Site"'],
    ['\n', null, 'is empty'],
  ])('cannot be told by the list %j', async (text, line, message) => {
    const only = listFile(text);
    const { problems } = await operatorError(() => selectRows(fleet(3), scenario({ only })));
    expect(problems).toEqual([
      {
        file: only,
        line,
        column: null,
        message,
        remedy: "Write registration_id above the IDs, as in a run's failures.csv",
      },
    ]);
  });
});

describe('a list that names rejected rows', () => {
  async function* rejected(): AsyncGenerator<string> {
    yield* ['dev-twice', 'dev-twice', 'dev-other'];
  }

  it('is not said to name IDs that the fleet does not have', async () => {
    const only = listFile('registration_id\ndev-1\nDEV-twice\nnowhere\n');
    const { rows, warnings } = await selectRows(fleet(3), scenario({ only, onBadRow: 'skip' }), null, rejected);
    expect(rows).toBe(1);
    expect(warnings).toEqual([
      `${only} names 1 ID that the fleet does not have: "nowhere" (line 4)`,
      `${only} names 1 ID whose row is left out as unusable or duplicate: "DEV-twice" (line 3)`,
    ]);
  });
});

describe('the rows that a resumed run takes', () => {
  it('are refused when --only names another list by now', async () => {
    const only = listFile('registration_id\ndev-4\n');
    const { pins } = await selectRows(fleet(10), scenario({ only }));
    expect((await selectRows(fleet(10), scenario({ only }), pins)).rows).toBe(1);
    writeFileSync(only, 'registration_id\ndev-5\n');
    const { problems } = await operatorError(() => selectRows(fleet(10), scenario({ only }), pins));
    expect(problems[0]).toMatchObject({ file: only, remedy: expect.stringContaining('--exclude') });
    expect(problems[0]?.message).toContain('is no longer the list that the run began with');
    // A run that an older dpsload began.
    const unpinned = await selectRows(fleet(10), scenario({ only }), { only: null, exclude: null });
    expect(unpinned.rows).toBe(1);
  });

  it('are fewer when the run of --exclude went on, and refused when its folder holds another one', async () => {
    const exclude = mkdtempSync(join(folder, 'run-'));
    const write = (rows: number, startedAtEpochMs: number) =>
      writeJournal(join(exclude, 'journal.ndjson'), [
        sessionOf(10, { startedAtEpochMs }),
        ...Array.from({ length: rows }, (_, row) => outcomeRecord(row, { registrationId: `dev-${row}` })),
      ]);
    write(3, 1);
    const { pins, rows } = await selectRows(fleet(10), scenario({ exclude }));
    expect(rows).toBe(7);
    write(5, 1);
    expect((await selectRows(fleet(10), scenario({ exclude }), pins)).rows).toBe(5);
    for (const [count, startedAtEpochMs] of [
      [5, 2],
      [2, 1],
    ] as const) {
      write(count, startedAtEpochMs);
      const { problems } = await operatorError(() => selectRows(fleet(10), scenario({ exclude }), pins));
      expect(problems[0]?.message).toBe('is no longer the run whose devices were excluded when this one began');
    }
  });
});

describe('the canary', () => {
  it('is bounded where every row is a group of its own, and says so', async () => {
    const alone = async function* (): AsyncGenerator<FleetRow> {
      for (let row = 0; row < CANARY_ROWS_MAX + 5; row += 1) yield { ...fleetRow(row), group: `g${row}` };
    };
    const { canary, rows, warnings } = await selectRows(alone(), scenario({ canary: '2' }));
    expect([canary.length, rows]).toEqual([CANARY_ROWS_MAX, CANARY_ROWS_MAX + 5]);
    expect(warnings).toEqual([expect.stringMatching(/^the canary is limited to 10,000 rows/)]);
  });
});

describe('the waves of a session', () => {
  const only = join(folder, 'some.csv');
  writeFileSync(only, 'registration_id\ndev-0\ndev-3\n');

  async function rowsOfWaves(flags: Readonly<Record<string, string>>, earlier: SettlementIndex | null = null) {
    const { load, ...rest } = scenario(flags);
    const selection = await selectRows(fleet(9), { load, ...rest });
    const isLeft = (row: number, round: number) => earlier?.progressOf(row, round) !== 'assigned';
    const work = { load, selection, openFleet: () => fleet(9), possiblySent: earlier, isLeft };
    const waves = await Promise.all(
      sessionWaves(work).map(async ({ openSource, round }) => {
        const source = openSource();
        const rows = [...(await source.take(5)), ...(await source.take(100))].map(({ row }) => row);
        await source.close();
        return { round, rows };
      }),
    );
    expect(await countRegistrations(work)).toBe(waves.flatMap(({ rows }) => rows).length);
    return waves;
  }

  it.each([
    [{}, [[0, 1, 2, 3, 4, 5, 6, 7, 8]]],
    [{ limit: '4' }, [[0, 1, 2, 3]]],
    [
      { canary: '1' },
      [
        [0, 1, 2],
        [3, 4, 5, 6, 7, 8],
      ],
    ],
    [
      { canary: '1', limit: '5' },
      [
        [0, 1, 2],
        [3, 4],
      ],
    ],
    [{ canary: '1', limit: '2' }, [[0, 1], []]],
    [
      { rounds: '2', limit: '2' },
      [
        [0, 1],
        [0, 1],
      ],
    ],
  ])('%j: %j', async (flags, rows) => {
    expect((await rowsOfWaves(flags)).map((leg) => leg.rows)).toEqual(rows);
  });

  it.each<[Readonly<Record<string, string>>, number[][]]>([
    // Rows 5 and 7 are open in the first round, row 6 in the second; rows 0 and 1 are assigned in both.
    [{}, [[5, 7, 2, 3, 4, 6, 8]]],
    [{ limit: '3' }, [[5, 7, 2]]],
    [{ limit: '1' }, [[5, 7]]],
    [{ limit: '6' }, [[5, 7, 2, 3, 4]]],
    [{ limit: '1', rounds: '2' }, [[5, 7], [6]]],
    [
      { canary: '2', limit: '7' },
      [
        [2, 3, 4, 5],
        [7, 6],
      ],
    ],
    [{ only }, [[5, 7, 3]]],
  ])('%j: %j, where sessions before were heard of in part', async (flags, rows) => {
    const earlier = new SettlementIndex(9, Number(flags['rounds'] ?? '1'));
    for (let round = 1; round <= earlier.rounds; round += 1) {
      earlier.addOutcome(outcomeRecord(0, { round }), 0);
      earlier.addOutcome(outcomeRecord(1, { round }), 0);
    }
    for (const row of [5, 7]) earlier.addGrant(grantRecord(row, row));
    if (earlier.rounds === 2) earlier.addGrant(grantRecord(6, 6, { round: 2 }));
    expect((await rowsOfWaves(flags, earlier)).map((leg) => leg.rows)).toEqual(rows);
  });
});
