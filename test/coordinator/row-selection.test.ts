import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selectRows } from '../../src/coordinator/row-selection.ts';
import { countRegistrations, sessionLegs } from '../../src/coordinator/session-legs.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { SettlementIndex } from '../../src/journal/settlement-index.ts';
import { resolveScenario } from '../../src/scenario/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';
import { fleetRow } from '../support/launches.ts';
import { grantRecord, outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

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
    const only = join(folder, 'only.csv');
    writeFileSync(only, 'registration_id,why\ndev-4,x\nDEV-7,y\nelsewhere,z\n');
    expect((await selectRows(fleet(10), scenario({ only }))).rows).toBe(2);
    const { problems } = await operatorError(() => selectRows(fleet(3), scenario({ only })));
    expect(problems[0]?.message).toBe(`no row of the fleet is left by --only ${only}`);
  });
});

describe('the legs of a session', () => {
  const only = join(folder, 'some.csv');
  writeFileSync(only, 'registration_id\ndev-0\ndev-3\n');

  async function rowsOfLegs(flags: Readonly<Record<string, string>>, earlier: SettlementIndex | null = null) {
    const { load, ...rest } = scenario(flags);
    const selection = await selectRows(fleet(9), { load, ...rest });
    const isLeft = (row: number, round: number) => earlier?.progressOf(row, round) !== 'assigned';
    const work = { load, selection, openFleet: () => fleet(9), perhapsSent: earlier, isLeft };
    const legs = await Promise.all(
      sessionLegs(work).map(async ({ openSource, round }) => {
        const source = openSource();
        const rows = [...(await source.take(5)), ...(await source.take(100))].map(({ row }) => row);
        await source.close();
        return { round, rows };
      }),
    );
    expect(await countRegistrations(work)).toBe(legs.flatMap(({ rows }) => rows).length);
    return legs;
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
    expect((await rowsOfLegs(flags)).map((leg) => leg.rows)).toEqual(rows);
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
    expect((await rowsOfLegs(flags, earlier)).map((leg) => leg.rows)).toEqual(rows);
  });
});
