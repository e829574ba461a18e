import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/report/summary.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { folderBytes, onlyRunFolder } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = temporaryFolder();
const fleet = join(root, 'fleet.csv');
writeFileSync(
  fleet,
  'registration_id,Gruppe,line,Site\ndev-1,a,L1,north\ndev-2,a,L2,north\nno id,b,L2,north\ndev-3,b,L1,\ndev-4,b,L2,south\n',
);
const MAP = ['--map', 'group=Gruppe'];

type Told = readonly [value: string | null, rows: number, assigned: number, leftOut: number, notSelected: number];

function toldBy({ breakdowns }: Summary): Record<string, readonly Told[]> {
  return Object.fromEntries(
    breakdowns.map(({ column, values }) => [
      column,
      values.map(
        ({ value, rows, assigned, leftOut, notSelected }): Told => [value, rows, assigned, leftOut, notSelected],
      ),
    ]),
  );
}

const BY_LINE: readonly Told[] = [
  ['L2', 3, 1, 1, 1],
  ['L1', 2, 2, 0, 0],
];

describe('results by a column of the fleet', () => {
  it('come with the run, and afterwards by other columns', { timeout: 60_000 }, async () => {
    const out = mkdtempSync(join(root, 'out-'));
    const args = ['run', fleet, ...MAP, '--emulator', '--on-bad-row', 'skip', '--limit', '3', '--quiet', '--out', out];
    const run = await dpsload([...args, '--by', 'line', '--by', 'Gruppe', '--json']);
    expect(run.code).toBe(3);
    expect(toldBy(JSON.parse(run.stdout))).toEqual({
      line: BY_LINE,
      group: [
        ['b', 3, 1, 1, 1],
        ['a', 2, 2, 0, 0],
      ],
    });
    const folder = onlyRunFolder(out);
    const files = folderBytes(folder);
    expect(String(files.get('report.html'))).toContain('<caption>Results by line</caption>');

    const bySite = await dpsload(['report', folder, '--by', 'Site']);
    expect(bySite.stdout).toMatch(/\nresults by Site\nSite +rows .*\nnorth +3 .*\nsouth +1 .*\n\(none\) +1 /);
    await dpsload(['report', folder]);
    expect(folderBytes(folder)).toEqual(files);

    renameSync(fleet, `${fleet}.gone`);
    const gone = await dpsload(['report', folder, '--by', 'line', '--format', 'json', '--out', join(root, 'gone')]);
    renameSync(`${fleet}.gone`, fleet);
    const summary: Summary = JSON.parse(gone.stdout);
    expect(toldBy(summary)['line']).toContainEqual([null, 1, 0, 0, 1]);
    expect(summary.warnings).toEqual([expect.stringContaining(`columns: ${fleet} is missing or was changed`)]);
  });

  it('are refused for a column that the fleet lacks, before anything is sent', async () => {
    const args = ['run', fleet, ...MAP, '--emulator', '--on-bad-row', 'skip'];
    const { code, stderr } = await dpsload([...args, '--by', 'lines', '--by', 'payload']);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'suitable columns are "Gruppe", "line", "Site". Did you mean --by line? Otherwise name one',
    );
    expect(stderr).toContain('no column "payload"');
  });
});
