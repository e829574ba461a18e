import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TargetName } from '../../src/journal/target-name.ts';
import { findEarlierRun, lastRunFolder, refuseRepeatedRun } from '../../src/run-folder/earlier-runs.ts';
import { recordResume } from '../../src/run-folder/run-file.ts';
import { createRunFolder } from '../../src/run-folder/run-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const out = temporaryFolder();
const target: TargetName = { kind: 'service', host: 'dps.example.net', port: 8883, idScope: '0ne00000001' };

function runOf(name: string, digest: string, at: TargetName = target): string {
  const folder = join(out, name);
  mkdirSync(folder);
  const fleet = { file: 'fleet.csv', digest, bytes: 1, rows: 1, rejectedRows: 0, otherColumns: [] };
  writeFileSync(join(folder, 'run.json'), JSON.stringify({ fleet, target: at }));
  return folder;
}

const earlierRun = (digest: string, except: string | null = null) => findEarlierRun({ out, digest, target }, except);

describe('the earlier run of a fleet', () => {
  it('is the newest at the same target, whatever the case of its host and the port', () => {
    const first = runOf('2026-01', 'aa');
    const second = runOf('2026-02', 'aa', { ...target, host: 'DPS.Example.NET', port: 443 });
    runOf('2026-03', 'aa', { ...target, idScope: '0ne00000002' });
    runOf('2026-04', 'bb');
    mkdirSync(join(out, '2026-05'));
    writeFileSync(join(out, '2026-05', 'run.json'), '{');
    expect(earlierRun('aa')).toBe(second);
    expect(earlierRun('aa', second)).toBe(first);
    expect(earlierRun('aa', join(relative('.', second), '.'))).toBe(first);
    expect(earlierRun('cc')).toBeNull();
    expect(findEarlierRun({ out: join(out, 'nowhere'), digest: 'aa', target }, null)).toBeNull();
  });

  it('is none with an embedded emulator, which is new in every run', () => {
    const emulator: TargetName = { kind: 'emulator', host: '127.0.0.1', port: 0, idScope: '0ne00000000' };
    const planned = { out, digest: 'gg', target: emulator };
    runOf('2026-07', 'gg', emulator);
    expect(findEarlierRun(planned, null)).toBeNull();
    expect(() => refuseRepeatedRun(planned)).not.toThrow();
    runOf('2026-08', 'gg');
    expect(() => refuseRepeatedRun({ ...planned, target })).toThrow('this fleet has already been registered');
  });

  it('may be that of a journey, in whose folder it is', () => {
    mkdirSync(join(out, '2026-09-journey', 'enroll'), { recursive: true });
    const run = runOf('2026-09-journey/run', 'hh');
    expect(earlierRun('hh')).toBe(run);
    expect(earlierRun('hh', run)).toBeNull();
    expect(lastRunFolder(out)).toBe(run);
  });

  it('is one of every fleet that it had in its sessions', async () => {
    const folder = runOf('2026-06', 'dd');
    const fleetFile = { file: 'fleet.csv', delimiter: ',', header: true, columns: {} };
    const resumed = { settings: {}, scenario: { fleet: fleetFile }, sessions: 1 };
    for (const digest of ['ee', 'ff', 'ee']) await recordResume(folder, { ...resumed, fleetDigest: digest });
    const found = ['dd', 'ee', 'ff'].map((digest) => earlierRun(digest));
    expect(found).toEqual([folder, folder, folder]);
    expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toMatchObject({
      fleet: { digest: 'dd' },
      addedFleetDigests: ['ee', 'ff'],
    });
  });
});

it.each([
  ['run-2026.11', 'run-2026.11'],
  ['line 3/night', 'line-3-night'],
  [null, 'batch.7'],
  // More than a file system takes.
  ['x'.repeat(300), 'x'.repeat(100)],
])('a run of the scenario %j has a folder for %s', (name, label) => {
  const fleet = { file: 'fleets/batch.7.csv', delimiter: ',', header: true, columns: {} };
  const scenario = { out: temporaryFolder(), name, fleet };
  const made = [1, 2].map(() => basename(createRunFolder(scenario, Date.UTC(2026, 10, 2, 3, 4, 5))));
  expect(made).toEqual([`2026-11-02T03-04-05Z-${label}`, `2026-11-02T03-04-05Z-${label}-2`]);
});
