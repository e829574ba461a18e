import { Command, Option } from 'commander';
import { refuseUnlessNew } from '../../files/new-file.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { compareRuns, type RunComparison } from '../../report/compare-runs.ts';
import { comparisonText } from '../../report/comparison-text.ts';
import type { DeviceComparison } from '../../report/device-comparison.ts';
import { compareDevices } from '../../results/compare-devices.ts';
import { readComparedRun } from '../../results/read-compared-run.ts';
import { type Notation, notation } from '../../scenario/notation/notation.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { hasColors, paletteFor } from '../view/colors.ts';

type CompareFlags = {
  readonly tolerance: string;
  readonly byDevice?: true;
  readonly moves?: string;
  readonly format: 'text' | 'json';
  readonly color: boolean;
};

/** @param finish gets the exit code. */
export function compareCommand(finish: (exitCode: number) => void): Command {
  return new Command('compare')
    .description(
      'Compares runs with the first one: latencies, rates, hub shares and errors. Warns when fleet, target, version, ' +
        `machine or load differ. Ends with ${EXIT_CODE.thresholdFailed} when a run is worse than the first one by more than the tolerance: ` +
        'p50, p95, p99 of response, service, accepted and assigned, the time to 99%, failures, each error, throttles and ' +
        'register requests for each device higher; registrations a second and the share of assigned ones lower, each by ' +
        'that part of the first one; the share of a hub by as many percentage points either way. Changes below 1 ms or ' +
        '0.1 percentage points never count, nor do maxima and the phases of a connection.',
    )
    .argument('<run-dir>', 'folder of the run that the others are compared with')
    .argument('<run-dirs...>', 'folders of the other runs')
    .option('--tolerance <n%>', 'how much worse a figure may be', '10%')
    .option(
      '--by-device',
      'also device by device: who kept or moved its hub, whose service time was longer (default: no)',
    )
    .option(
      '--moves <file>',
      'with two runs, write what became of each device that the first one assigned: a CSV that must not exist yet',
    )
    .addOption(new Option('--format <format>', 'of what is printed').choices(['text', 'json']).default('text'))
    .option('--no-color', 'print without colours (also: NO_COLOR)')
    .addHelpText('after', '\nExample:\n  dpsload compare results/monday results/tuesday --tolerance 5%\n')
    .action(async (first: string, others: readonly string[], flags: CompareFlags) => {
      const comparison = await compare([first, ...others], flags);
      const palette = paletteFor(hasColors(process.stdout, process.env, flags.color));
      process.stdout.write(
        flags.format === 'json' ? `${JSON.stringify(comparison, null, 2)}\n` : comparisonText(comparison, palette),
      );
      finish(comparison.regressed ? EXIT_CODE.thresholdFailed : EXIT_CODE.success);
    });
}

async function compare(folders: readonly string[], flags: CompareFlags): Promise<RunComparison> {
  const tolerance = TOLERANCE.read(flags.tolerance);
  if ('problem' in tolerance) {
    const message = `--tolerance ${quoteValue(flags.tolerance)} ${tolerance.problem}`;
    throw new OperatorError('usage', [problem(message, TOLERANCE.remedy)]);
  }
  const { byDevice = false, moves = null } = flags;
  if (moves !== null && folders.length > 2) {
    throw new OperatorError('usage', [problem('--moves is given with more than two runs', 'Compare two runs')]);
  }
  if (moves !== null) refuseUnlessNew(moves);
  const runs = folders.map(readComparedRun);
  const devices = byDevice || moves !== null ? await compareAllDevices(folders, tolerance.value, moves) : null;
  return compareRuns(runs, tolerance.value, devices);
}

async function compareAllDevices(
  [first = '', ...others]: readonly string[],
  tolerance: number,
  movesFile: string | null,
): Promise<readonly DeviceComparison[]> {
  const comparisons: DeviceComparison[] = [];
  for (const other of others) comparisons.push(await compareDevices(first, other, tolerance, movesFile));
  return comparisons;
}

/** A figure ten times as bad is another one. */
const TOLERANCE_MAX = 10;

/** How much worse a figure may be, as a part of 1: `10%` → 0.1. */
export const TOLERANCE: Notation<number> = notation({
  placeholder: 'n%',
  noun: `a percentage from 0% to ${TOLERANCE_MAX * 100}%`,
  remedy: 'Write a number with %, for example 10% or 0.5%',
  parse: (text) => {
    const match = /^(\d{1,4}(?:\.\d{1,6})?)%$/.exec(text);
    const value = match === null ? null : Number(`${match[1]}e-2`);
    return value !== null && value <= TOLERANCE_MAX ? value : null;
  },
});
