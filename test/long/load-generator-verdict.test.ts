import { expect, it } from 'vitest';
import { DISTURBANCES, type Disturbance, differencesFrom, disturbedRun } from '../support/disturbed-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

const RUNS_UNDISTURBED = 50;
const RUNS_DISTURBED = 5;

/** Registrations a second that client and server manage on two cores, each with a handshake of its own, at the least. */
const CAPACITY_PER_SECOND = 300;

/** Of undisturbed runs: those in which a machine held up its processes for some milliseconds, which no clock of theirs can tell from work. */
const UNEXPLAINED_SHARE_MAX = 0.15;

/** 70 runs of 10 to 25 s. */
const TIMEOUT_MS = 30 * 60_000;

/** How often there was an alarm, and how often the server's own log shows a difference. */
type Judged = { runs: number; alarms: number; confirmed: number; missed: number; skipped: number };

async function judge(
  disturbance: Disturbance,
  run: number,
): Promise<{ readonly limited: boolean; readonly differs: boolean } | null> {
  // Up to half of the capacity; seven seconds of launches, at the highest rate enough for the p99 to be judged.
  const ratePerSecond = [0.1, 0.2, 0.3, 0.4, 0.5].map((part) => part * CAPACITY_PER_SECOND)[run % 5] ?? 0;
  const devices = Math.max(300, ratePerSecond * 7);
  const serverDelayMs = [20, 50, 200][run % 3] ?? 0;
  const name = `${disturbance}-${run}`;
  const witnessed = await disturbedRun({ folder, name, devices, ratePerSecond, serverDelayMs, disturbance });
  if (witnessed === null) return null;
  const { summary, log } = witnessed;
  const differences = differencesFrom(log, { summary, ratePerSecond });
  const { limited, affected, limits } = summary.loadGenerator;
  const said = [
    ...limits.filter(({ exceeded }) => exceeded).map(({ name: limit, observed }) => `${limit} ${observed}`),
    ...affected.map(
      ({ metric, percentile, measuredMs, withoutMs }) => `${metric} p${percentile} ${measuredMs} (${withoutMs})`,
    ),
  ];
  process.stdout.write(
    `${name} ${ratePerSecond}/s ${serverDelayMs} ms: [${said.join(', ')}], log: [${differences.join(', ')}]\n`,
  );
  return { limited, differs: differences.length > 0 };
}

it(
  'is an alarm when something delays the load generator, and never otherwise; the log of the server confirms it',
  async () => {
    const matrix = new Map<Disturbance, Judged>();
    for (const disturbance of DISTURBANCES) {
      const judged: Judged = { runs: 0, alarms: 0, confirmed: 0, missed: 0, skipped: 0 };
      matrix.set(disturbance, judged);
      for (let run = 0; run < (disturbance === 'none' ? RUNS_UNDISTURBED : RUNS_DISTURBED); run += 1) {
        const verdict = await judge(disturbance, run);
        if (verdict === null) judged.skipped += 1;
        else {
          judged.runs += 1;
          if (verdict.limited) judged.alarms += 1;
          if (verdict.limited && verdict.differs) judged.confirmed += 1;
          if (!verdict.limited && verdict.differs) judged.missed += 1;
        }
      }
    }
    const rows = [...matrix].map(([disturbance, { runs, alarms, confirmed, missed, skipped }]) =>
      [disturbance, runs, alarms, confirmed, runs - alarms, missed, skipped]
        .map((cell) => String(cell).padEnd(12))
        .join(''),
    );
    const head = ['', 'runs', 'alarm', 'confirmed', 'no alarm', 'missed', 'skipped'];
    process.stdout.write(`\n${[head.map((cell) => cell.padEnd(12)).join(''), ...rows].join('\n')}\n`);
    for (const [disturbance, { runs, alarms, confirmed, missed }] of matrix) {
      // On a machine that is not quiet, the log shows what disturbed a run that was to be undisturbed.
      expect([disturbance, alarms - confirmed]).toEqual([disturbance, 0]);
      if (disturbance === 'none') expect(missed / runs).toBeLessThanOrEqual(UNEXPLAINED_SHARE_MAX);
      else expect([disturbance, alarms, missed]).toEqual([disturbance, runs, 0]);
    }
  },
  TIMEOUT_MS,
);
