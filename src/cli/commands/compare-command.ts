import { Command, Option } from 'commander';
import { refuseUnlessNew } from '../../files/new-file.ts';
import { OperatorError, type Problem, problem, problemIn } from '../../problem/operator-error.ts';
import { type ComparedRun, compareRuns, type RunComparison } from '../../report/compare-runs.ts';
import { comparisonText } from '../../report/comparison-text.ts';
import type { DeviceComparison } from '../../report/device-comparison.ts';
import { compareDevices } from '../../results/compare-devices.ts';
import { readComparedRun } from '../../results/read-compared-run.ts';
import { type Notation, notation } from '../../scenario/notation/notation.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { paletteOf } from '../view/colors.ts';
import { fitted } from '../view/terminal-line.ts';
import { appendValue, noColorOption, readFlag } from './options.ts';

/** A figure may become ten times as bad at most. */
const TOLERANCE_MAX = 10;

/** How much worse a figure may be, as a part of 1: `10%` → 0.1. */
const TOLERANCE: Notation<number> = notation({
  placeholder: 'n%',
  noun: `a percentage from 0% to ${TOLERANCE_MAX * 100}%`,
  remedy: 'Write a number with %, for example 10% or 0.5%',
  parse: (text) => {
    const match = /^(\d{1,4}(?:\.\d{1,6})?)%$/.exec(text);
    const value = match === null ? null : Number(`${match[1]}e-2`);
    return value !== null && value <= TOLERANCE_MAX ? value : null;
  },
});

type CompareFlags = {
  readonly baseline?: readonly string[];
  readonly tolerance: string;
  readonly byDevice?: true;
  readonly moves?: string;
  readonly format: 'text' | 'json';
  readonly color: boolean;
};

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Compares runs with a baseline: the first run, or those of --baseline. Compares latencies, rates, hub shares and ' +
        `errors, and warns when fleet, target, version, machine or load differ. Exits with ${EXIT_CODE.thresholdFailed} if a run is clearly worse ` +
        'than the baseline by more than the tolerance, and with 0 if it is not, or if the runs vary too much to tell ' +
        '("inconclusive"). Worse means a higher p50, p95 or p99 of response, service, accepted, assigned or allocation, more ' +
        'failures, errors of any code, throttles or register requests per device, or a lower rate or share of assigned ' +
        'registrations, each relative to the baseline; and a hub share that differs either way, in percentage points. A longer ' +
        'time to 99% counts only with several baseline runs. Changes below 1 ms or 0.1 percentage points never ' +
        'count, nor do maxima and connection phases.',
    )
    .argument('<run-dirs...>', 'folders of the runs; without --baseline, the first one is the baseline')
    .option(
      '--baseline <run-dir>',
      'a run to compare with; repeat it for several unchanged runs, to allow for what differs between them',
      appendValue,
    )
    .option('--tolerance <n%>', 'the smallest change that counts', '10%')
    .option('--by-device', 'also compare each device: whether its hub changed and its service time grew (default: no)')
    .option(
      '--moves <file>',
      'for two runs, write a new CSV that says what became of each device that the first run assigned',
    )
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'json']).default('text'))
    .addOption(noColorOption())
    .addHelpText(
      'after',
      '\nExamples:\n  dpsload compare results/monday results/tuesday --tolerance 5%\n' +
        '  dpsload compare --baseline results/mon-1 --baseline results/mon-2 results/tue\n',
    )
    .action(async (folders: readonly string[], flags: CompareFlags) => {
      const comparison = await compare(folders, flags);
      process.stdout.write(
        flags.format === 'json'
          ? `${JSON.stringify(comparison, null, 2)}\n`
          : fitted(comparisonText(comparison, paletteOf(process.stdout, flags.color)), process.stdout),
      );
      process.exitCode = comparison.regressed ? EXIT_CODE.thresholdFailed : EXIT_CODE.success;
    });
}

async function compare(folders: readonly string[], flags: CompareFlags): Promise<RunComparison> {
  const problems: Problem[] = [];
  const { baseline = [], byDevice = false, moves = null } = flags;
  const tolerance = readFlag('--tolerance', flags.tolerance, TOLERANCE, problems);
  const all = [...baseline, ...folders];
  const baselines = Math.max(1, baseline.length);
  if (all.length === baselines) problems.push(problem('there is only one run', 'Name the run to compare with it'));
  const repeated = all.find((folder, index) => all.indexOf(folder) < index);
  if (baseline.length > 0 && repeated !== undefined) {
    problems.push(
      problemIn(repeated, 'is named twice', 'Name each run once: a copy tells nothing about how runs differ'),
    );
  }
  if (moves !== null && all.length > 2) {
    problems.push(problem('--moves is given with more than two runs', 'Compare two runs'));
  }
  if (problems.length > 0 || tolerance === null) throw new OperatorError('usage', problems);
  if (moves !== null) refuseUnlessNew(moves);
  const runs: ComparedRun[] = [];
  for (const folder of all) runs.push(await readComparedRun(folder));
  const compared = { runs, baselines, tolerance };
  if (!byDevice && moves === null) return compareRuns(compared, null);
  const devices: DeviceComparison[] = [];
  const [first = '', ...others] = all;
  for (const other of others.slice(baselines - 1)) {
    devices.push(await compareDevices(first, other, tolerance, moves));
  }
  return compareRuns(compared, devices);
}
