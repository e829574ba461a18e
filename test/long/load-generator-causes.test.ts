import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { differencesFrom, disturbedRun, type Witnessed } from '../support/disturbed-runs.ts';
import { dpsload } from '../support/dpsload-program.ts';
import { onlyRunFolder } from '../support/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

const SERVED = { folder, devices: 200, ratePerSecond: 50, serverDelayMs: 200 };
/** The second one fails by what blocks the load generator, and holds without it, also where a busy machine adds to every answer. */
const THRESHOLDS = ['p95(service) < 60s', 'p95(accepted) < 600ms', 'p95(accepted) < 50ms'];

function witnessed(run: Witnessed | null): Witnessed {
  if (run === null) throw new Error('this machine cannot disturb a run');
  return run;
}

// They mostly wait.
describe.concurrent('a load generator that is disturbed', () => {
  it('says that it was suspended, by how much it was late, and when', async () => {
    const run = { ...SERVED, name: 'suspended', disturbance: 'suspended' } as const;
    const { summary, log, stdout } = witnessed(await disturbedRun(run));
    const { limited, launchRate, limitedPeriods } = summary.loadGenerator;
    expect(limited).toBe(true);
    expect(launchRate?.achievedPerSecond).toBeLessThan(30);
    expect(launchRate?.withoutPerSecond).toBeGreaterThan(40);
    expect(limitedPeriods.some(({ fromMs, toMs }) => toMs - fromMs > 3_500)).toBe(true);
    expect(differencesFrom(log, { summary, ratePerSecond: run.ratePerSecond })).not.toEqual([]);
    expect(stdout).toMatch(/^limited {5}by the load generator: /m);
    expect(stdout).toMatch(/ it launched [\d.]+\/s; without its delays, [\d.]+\/s$|: it launched /m);
  });

  it('says that its event loops stood still; thresholds decide, where that makes no difference', async () => {
    const args = THRESHOLDS.flatMap((threshold) => ['--threshold', threshold]);
    const run = {
      ...SERVED,
      name: 'blocked',
      disturbance: 'blocked',
      blocked: { everyMs: 1_500, forMs: 700 },
      args,
    } as const;
    const { summary, log, code, stdout } = witnessed(await disturbedRun(run));
    const { affected } = summary.loadGenerator;
    const accepted = affected.find(({ metric, percentile }) => metric === 'accepted' && percentile === 95);
    expect(accepted?.measuredMs).toBeGreaterThan(600);
    expect(differencesFrom(log, { summary, ratePerSecond: run.ratePerSecond })).not.toEqual([]);
    expect(summary.thresholds.map(({ passed, limited }) => [passed, limited])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(code).toBe(99);
    expect(stdout).toContain('thresholds  1 of 3 failed, 1 undecided\n');
    // The journal has everything that the verdict follows from.
    const again = await dpsload(['report', onlyRunFolder(join(folder, 'blocked-out'))]);
    expect(again.stdout).toBe(stdout);
  });
});
