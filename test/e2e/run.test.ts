import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aimAtService } from '../support/aim-at-service.ts';
import { dpsload, startDpsload, startEmulatorProgram } from '../support/dpsload-program.ts';
import { GROUP_KEY, GROUP_KEY_ENV } from '../support/group-key.ts';
import { folderBytes, onlyRunFolder, readLines, readResultRows } from '../support/results.ts';
import { targetArgs } from '../support/target-args.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);

function fleetFile(name: string, devices: number): string {
  const ids = Array.from({ length: devices }, (_, index) => `dev-${String(index).padStart(5, '0')}`);
  writeFileSync(path(name), `registration_id,line\n${ids.map((id, index) => `${id},L${index % 3}`).join('\n')}\n`);
  return path(name);
}

type RecordLine = { readonly kind?: string; readonly registrationId?: string; readonly assignedHub?: string };

type SampleLine = RecordLine & { readonly atMs: number; readonly launched: number };

// They wait, mostly, as all below do.
describe.concurrent('a run against the embedded emulator', () => {
  it('samples whole seconds of its clock, which show what happened in each, and says what was run', async () => {
    const out = path('steady');
    const fleet = fleetFile('fleet-steady.csv', 250);
    const args = ['run', fleet, '--emulator', '--rate', '50/s', '-w', '2', '--out', out, '--json', '--quiet'];
    const run = await dpsload(args, { env: GROUP_KEY_ENV });
    const runFolder = onlyRunFolder(out);
    const samples = readLines<SampleLine>(join(runFolder, 'journal.ndjson')).filter(({ kind }) => kind === 'sample');
    expect(samples.slice(0, -1).map(({ atMs }) => atMs % 1000)).toEqual(samples.slice(1).map(() => 0));
    expect(samples.reduce((sum, { launched }) => sum + launched, 0)).toBe(250);

    const seconds = readResultRows(join(runFolder, 'series.csv'));
    expect(seconds.reduce((sum, { launched }) => sum + Number(launched), 0)).toBe(250);
    const whole = seconds.filter(({ intended }) => Number(intended) >= 49);
    expect(whole.length).toBeGreaterThanOrEqual(4);

    const [{ setup }] = JSON.parse(run.stdout).sessions;
    expect(setup).toMatchObject({
      transport: 'mqtt',
      tlsVersion: expect.stringMatching(/^TLSv1\.[23]$/),
      pollDelayMs: 2000,
      node: process.version,
    });
    const page = folderBytes(runFolder).get('report.html')?.toString() ?? '';
    expect(page).toMatch(
      /Load: 50\/s, with 500 slots, by MQTT over TLS \(TLS 1\.[23]\), from Node v[\d.]+ on \d+ cores? of/,
    );
  });

  it('registers the fleet, says so, and leaves a folder that `report` makes again to the byte', async () => {
    const out = path('embedded');
    const fleet = fleetFile('fleet-embedded.csv', 150);
    const run = await dpsload(['run', fleet, '--emulator', '-c', '150', '-w', '2', '--out', out, '--json', '--quiet'], {
      env: GROUP_KEY_ENV,
    });
    expect(run.stderr).not.toContain('rror');
    expect(run.code).toBe(0);
    const runFolder = onlyRunFolder(out);
    const files = folderBytes(runFolder);
    expect([...files.keys()].sort()).toEqual([
      'SHA256SUMS',
      'failures.csv',
      'journal.ndjson',
      'latency.hlog',
      'moves.csv',
      'not-registered.csv',
      'registrations.csv',
      'report.html',
      'run.json',
      'series.csv',
      'summary.json',
      'wrong-hub.csv',
    ]);
    expect(run.stdout).toBe(files.get('summary.json')?.toString());
    const rows = readResultRows(join(runFolder, 'registrations.csv'));
    expect(rows.map((row) => row['registration_id'])).toEqual(
      Array.from({ length: 150 }, (_, index) => `dev-${String(index).padStart(5, '0')}`),
    );
    expect(rows.every((row) => row['result'] === 'assigned' && row['assigned_hub'] !== '')).toBe(true);
    expect(rows.map((row) => row['line'])).toEqual(rows.map((_, index) => `L${index % 3}`));

    const report = await dpsload(['report', runFolder, '--format', 'json']);
    expect(report.code).toBe(0);
    expect(report.stdout).toBe(run.stdout);
    expect(folderBytes(runFolder)).toEqual(files);

    for (const [name, bytes] of files) expect([name, bytes.includes(GROUP_KEY)]).toEqual([name, false]);
    expect(run.stdout + run.stderr).not.toContain(GROUP_KEY);
  });

  it('has an enrollment group for each key of the scenario', async () => {
    const [keyA, keyB] = [1, 2].map((seed) => Buffer.alloc(32, seed).toString('base64'));
    const fleet = path('fleet-groups.csv');
    writeFileSync(fleet, 'registration_id,group\na-1,line-a\nb-1,line-b\nc-1,\n');
    const scenario = path('groups.yaml');
    writeFileSync(
      scenario,
      'version: 1\nattestation: { groups: { line-a: { keyVariable: KEY_A }, line-b: { keyVariable: KEY_B } } }\n',
    );
    const run = await dpsload(['run', fleet, '-s', scenario, '--emulator', '--out', path('groups'), '--quiet'], {
      env: { KEY_A: keyA as string, KEY_B: keyB as string, DPSLOAD_GROUP_KEY: GROUP_KEY },
    });
    expect(run.stderr).not.toContain('rror');
    expect(run.code).toBe(0);
    const rows = readResultRows(join(onlyRunFolder(path('groups')), 'registrations.csv'));
    expect(rows.map((row) => [row['group'], row['result']])).toEqual([
      ['line-a', 'assigned'],
      ['line-b', 'assigned'],
      ['', 'assigned'],
    ]);
  });

  it('refuses the same fleet and target under one out folder, unless told --again', async () => {
    const out = path('again');
    const emulator = ['--emulator', '--emulator-config', 'scenarios/emulator/fast.yaml'];
    const args = ['run', fleetFile('fleet-again.csv', 3), ...emulator, '--out', out, '--quiet'];
    expect((await dpsload(args, { env: GROUP_KEY_ENV })).code).toBe(0);
    const folder = onlyRunFolder(out);
    // A new emulator knows no device.
    expect((await dpsload(args, { env: GROUP_KEY_ENV })).code).toBe(0);
    expect(readdirSync(out)).toHaveLength(2);
    const atService = [...aimAtService(folder), '--out', out, '--dry-run'];
    const repeated = await dpsload(['run', fleetFile('fleet-again.csv', 3), ...atService], { env: GROUP_KEY_ENV });
    expect(repeated.code).toBe(2);
    expect(repeated.stderr).toContain(folder);
    expect(repeated.stderr).toContain('--again');
    expect(
      (await dpsload(['run', path('fleet-again.csv'), ...atService, '--again'], { env: GROUP_KEY_ENV })).code,
    ).toBe(0);
  });
});

describe.concurrent('a run against an emulator of its own', () => {
  it('agrees with the emulator’s records device by device', async () => {
    const records = path('records.ndjson');
    const emulator = await startEmulatorProgram(['--retry-after', '0', '--records', records], GROUP_KEY_ENV);
    const out = path('reconciled');
    const run = await dpsload(
      [
        ...['run', fleetFile('fleet-reconciled.csv', 150), ...targetArgs(emulator)],
        ...['-c', '50', '-w', '2', '--out', out, '--quiet'],
      ],
      { env: GROUP_KEY_ENV },
    );
    expect(run.stderr).not.toContain('rror');
    expect(run.code).toBe(0);
    expect((await emulator.stop()).code).toBe(0);
    const ours = readResultRows(join(onlyRunFolder(out), 'registrations.csv'));
    const theirs = readLines<RecordLine & { registers?: number }>(records).filter((line) => line.registrationId);
    expect(new Map(ours.map((row) => [row['registration_id'], row['assigned_hub']]))).toEqual(
      new Map(theirs.map((line) => [line.registrationId, line.assignedHub])),
    );
    expect(theirs).toHaveLength(150);
  });

  it('keeps the service’s own words for devices with a wrong key, and exits with 3', async () => {
    const emulator = await startEmulatorProgram(['--retry-after', '0'], GROUP_KEY_ENV);
    const out = path('wrong-key');
    const wrong = Buffer.alloc(32, 7).toString('base64');
    const fleet = path('fleet-wrong-key.csv');
    writeFileSync(fleet, `registration_id,device_key\ngood,\nbad,${wrong}\n`);
    const run = await dpsload(['run', fleet, ...targetArgs(emulator), '--out', out, '--quiet'], { env: GROUP_KEY_ENV });
    await emulator.stop();
    expect(run.code).toBe(3);
    const [good, bad] = readResultRows(join(onlyRunFolder(out), 'registrations.csv'));
    expect(good).toMatchObject({ registration_id: 'good', result: 'assigned', registers_sent: '1' });
    expect(bad).toMatchObject({ result: 'refused', error_code: '401000', error_message: 'Unauthorized' });
    expect(bad?.['tracking_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(readResultRows(join(onlyRunFolder(out), 'failures.csv'))).toHaveLength(1);
  });
});

describe.concurrent('signals', () => {
  /** Long retry-after: whatever is in flight at the signal stays so until its answer is polled. */
  async function stoppedRun(name: string, signals: number) {
    const out = path(name);
    const emulator = await startEmulatorProgram(['--retry-after', '4'], GROUP_KEY_ENV);
    const run = startDpsload(
      ['run', fleetFile(`${name}.csv`, 500), ...targetArgs(emulator), '-c', '20', '-w', '2', '--out', out],
      { env: GROUP_KEY_ENV },
    );
    const inFlight = (): number => journalOf(out).findLast(({ kind }) => kind === 'sample')?.inFlight ?? 0;
    while (inFlight() === 0) {
      if (run.child.exitCode !== null) throw new Error(`ended before it could be stopped: ${run.stderr()}`);
      await pauseMs(50);
    }
    run.child.kill('SIGINT');
    await run.until(({ stderr }) => stderr.includes('Stopping ('));
    const atStop = { grants: grantsIn(journalOf(out)), inFlight: inFlight() };
    for (let sent = 1; sent < signals; sent += 1) run.child.kill('SIGINT');
    const ended = await run.ended;
    await emulator.stop();
    return { ended, runFolder: onlyRunFolder(out), atStop };
  }

  it('lets what is in flight finish after the first, and launches nothing more', async () => {
    const { ended, runFolder, atStop } = await stoppedRun('first-signal', 1);
    expect(ended.code).toBe(130);
    // One grant may have been on its way to the disk; its rows come back as not started.
    expect(grantsIn(readLines(join(runFolder, 'journal.ndjson')))).toBeLessThanOrEqual(atStop.grants + 1);
    const rows = readResultRows(join(runFolder, 'registrations.csv'));
    const counts = countBy(rows);
    expect(rows).toHaveLength(500);
    expect([...counts.keys()].sort()).toEqual(['assigned', 'not-started']);
    expect(counts.get('assigned')).toBeGreaterThanOrEqual(Math.max(1, atStop.inFlight));
    expect(counts.get('not-started')).toBeGreaterThan(0);
    expect(rows[499]).toMatchObject({ registration_id: 'dev-00499', result: 'not-started', registers_sent: '0' });
  });

  it('stops at once after the second, with an intact journal', async () => {
    const { ended, runFolder } = await stoppedRun('second-signal', 2);
    expect(ended.code).toBe(130);
    const records = readLines<{ kind: string; result?: string }>(join(runFolder, 'journal.ndjson'));
    expect(records.at(-1)?.kind).toBe('end');
    const cancelled = records.filter(({ result }) => result === 'cancelled').length;
    expect(cancelled).toBeGreaterThan(0);
    expect(cancelled).toBeLessThanOrEqual(20);
    const report = await dpsload(['report', runFolder]);
    expect(report.code).toBe(0);
    const counts = countBy(readResultRows(join(runFolder, 'registrations.csv')));
    expect(counts.get('cancelled')).toBe(cancelled);
    expect(counts.has('unknown')).toBe(false);
  });
});

function grantsIn(records: readonly { readonly kind: string }[]): number {
  return records.filter(({ kind }) => kind === 'grant').length;
}

/** What the journal of the one run under `out` holds so far; its last line may be on its way. */
function journalOf(out: string): readonly { readonly kind: string; readonly inFlight?: number }[] {
  try {
    return readLines(join(onlyRunFolder(out), 'journal.ndjson'));
  } catch {
    return [];
  }
}

function pauseMs(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function countBy(rows: readonly Readonly<Record<string, string>>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { result = '' } of rows) counts.set(result, (counts.get(result) ?? 0) + 1);
  return counts;
}
