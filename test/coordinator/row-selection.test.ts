import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selectRows } from '../../src/coordinator/row-selection.ts';
import { sessionLegs } from '../../src/coordinator/session-legs.ts';
import type { FleetRow } from '../../src/fleet/fleet-row.ts';
import { resolveScenario } from '../../src/scenario/resolve-scenario.ts';
import { operatorError } from '../support/fleet-file.ts';
import { fleetRow } from '../support/launches.ts';
import { outcomeRecord, sessionOf, writeJournal } from '../support/sample-journal.ts';
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
  async function rowsOfLegs(flags: Readonly<Record<string, string>>) {
    const { load, ...rest } = scenario(flags);
    const selection = await selectRows(fleet(9), { load, ...rest });
    return await Promise.all(
      sessionLegs({ load, selection, openFleet: () => fleet(9), isLeft: () => true }).map(
        async ({ openSource, round }) => {
          const source = openSource();
          const rows = [...(await source.take(5)), ...(await source.take(100))].map(({ row }) => row);
          await source.close();
          return { round, rows };
        },
      ),
    );
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
});
