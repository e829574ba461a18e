import { Command, Option } from 'commander';
import { refuseUnlessNew } from '../../files/new-file.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { compareRuns, type RunComparison } from '../../report/compare-runs.ts';
import { comparisonText } from '../../report/comparison-text.ts';
import type { DeviceComparison } from '../../report/device-comparison.ts';
import { compareDevices } from '../../results/compare-devices.ts';
import { readComparedRun } from '../../results/read-compared-run.ts';
import { type Notation, notation } from '../../scenario/notation/notation.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { paletteOf } from '../view/colors.ts';
import { noColorOption, readFlag } from './options.ts';

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
  readonly tolerance: string;
  readonly byDevice?: true;
  readonly moves?: string;
  readonly format: 'text' | 'json';
  readonly color: boolean;
};

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'Compares runs with the first one: latencies, rates, hub shares and errors. Warns when fleet, target, version, ' +
        `machine or load differ. Exits with ${EXIT_CODE.thresholdFailed} if a run is worse than the first one by more than the tolerance. Worse ` +
        'means a higher p50, p95 or p99 of response, service, accepted or assigned, a longer time to 99%, more failures, ' +
        'errors of any code, throttles or register requests per device, or a lower rate or share of assigned ' +
        'registrations, each relative to the first run; and a hub share that differs either way, in percentage points. ' +
        'Changes below 1 ms or 0.1 percentage points never count, nor do maxima and connection phases.',
    )
    .argument('<run-dir>', 'folder of the run to compare with')
    .argument('<run-dirs...>', 'folders of the other runs')
    .option('--tolerance <n%>', 'how much worse a figure may be', '10%')
    .option('--by-device', 'also compare each device: whether its hub changed and its service time grew (default: no)')
    .option(
      '--moves <file>',
      'for two runs, write a new CSV that says what became of each device that the first run assigned',
    )
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'json']).default('text'))
    .addOption(noColorOption())
    .addHelpText('after', '\nExample:\n  dpsload compare results/monday results/tuesday --tolerance 5%\n')
    .action(async (first: string, others: readonly string[], flags: CompareFlags) => {
      const comparison = await compare(first, others, flags);
      process.stdout.write(
        flags.format === 'json'
          ? `${JSON.stringify(comparison, null, 2)}\n`
          : comparisonText(comparison, paletteOf(process.stdout, flags.color)),
      );
      process.exitCode = comparison.regressed ? EXIT_CODE.thresholdFailed : EXIT_CODE.success;
    });
}

async function compare(first: string, others: readonly string[], flags: CompareFlags): Promise<RunComparison> {
  const problems: Problem[] = [];
  const { byDevice = false, moves = null } = flags;
  const tolerance = readFlag('--tolerance', flags.tolerance, TOLERANCE, problems);
  if (moves !== null && others.length > 1) {
    problems.push(problem('--moves is given with more than two runs', 'Compare two runs'));
  }
  if (problems.length > 0 || tolerance === null) throw new OperatorError('usage', problems);
  if (moves !== null) refuseUnlessNew(moves);
  const runs = [first, ...others].map(readComparedRun);
  if (!byDevice && moves === null) return compareRuns(runs, tolerance, null);
  const devices: DeviceComparison[] = [];
  for (const other of others) devices.push(await compareDevices(first, other, tolerance, moves));
  return compareRuns(runs, tolerance, devices);
}
