import { Command, Option } from 'commander';
import { checkRun } from '../coordinator/check/check-run.ts';
import { selectRows } from '../coordinator/row-selection.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { HubCapacity } from '../load/capacity.ts';
import { OperatorError, type Problem, problem } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import type { Environment } from '../scenario/environment.ts';
import { type Flags, SCENARIO_VARIABLE } from '../scenario/gather-settings.ts';
import type { Notation } from '../scenario/notation.ts';
import { SETTING_NAMES, settingNamed } from '../scenario/settings.ts';
import { wholeNumberBetween } from '../scenario/whole-number.ts';
import { hrtimeMs, systemClock } from '../time/system-clock.ts';
import { checkText } from './check-text.ts';
import { describeTarget } from './describe-run.ts';
import { dpsloadVersion } from './dpsload-version.ts';
import { EXIT_CODE } from './exit-code.ts';
import { givenScenario } from './given-scenario.ts';
import { HUBS } from './hubs.ts';
import { readRunInputs } from './run-inputs.ts';
import { givenFlags, settingOption } from './setting-option.ts';

const RECORDS = wholeNumberBetween(0, 1_000_000_000);

type CheckFlags = {
  readonly scenario?: string;
  readonly existingRecords?: string;
  readonly hubs?: string;
  readonly json?: true;
};

/** @param finish gets the exit code. */
export function checkCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('check')
    .description(
      'Reads fleet, keys and certificates, connects to the target as the first device, and compares the load with what service ' +
        'and machine grant. Takes the options of dpsload run. Registers nothing.',
    )
    .argument('[FLEET.csv]', 'the fleet (default: fleet.file of the scenario)')
    .addHelpText('after', help());
  for (const name of SETTING_NAMES) {
    if (settingNamed(name).flag !== null) command.addOption(settingOption(name));
  }
  for (const option of ownOptions()) command.addOption(option.helpGroup('Check:'));
  return command.action(async (fleet: string | undefined, flags: CheckFlags) => {
    const given = givenFlags(command);
    finish(await check(fleet === undefined ? given : { ...given, fleet }, flags, process.env));
  });
}

function ownOptions(): readonly Option[] {
  return [
    new Option(
      '-s, --scenario <file>',
      `YAML file with settings, or @NAME of one that dpsload brings (default: none; ${SCENARIO_VARIABLE})`,
    ),
    new Option('--existing-records <n>', 'registration records that the instance holds already (default: unknown)'),
    new Option(`--hubs <${HUBS.placeholder}>`, 'the linked hubs, with commas between them (default: unknown)'),
    new Option('--json', 'print the findings as JSON (default: no)'),
  ];
}

function help(): string {
  return `
Exit codes:
  ${EXIT_CODE.success}  nothing stands in the way
  ${EXIT_CODE.usage}  usage, scenario, fleet, key or certificate file
  ${EXIT_CODE.unreachable}  a problem was found: target, certificates, or something that is too small

Example:
  dpsload check fleet.csv --id-scope 0ne00111111 \\
    --host global.azure-devices-provisioning.net \\
    --existing-records 120000 --hubs hub-a=S1:2,hub-b=S1:2
`;
}

async function check(given: Flags, flags: CheckFlags, environment: Environment): Promise<number> {
  const own = readOwnFlags(flags);
  const { scenario } = givenScenario(given, flags.scenario, environment);
  const inputs = await readRunInputs(scenario, environment);
  const selection = await selectRows(readFleet(scenario.fleet, inputs.survey), scenario);
  const userAgent = `dpsload/${dpsloadVersion()}`;
  const report = await checkRun({ scenario, ...inputs, ...own, selection, userAgent }, systemClock(hrtimeMs()));
  const target = describeTarget(scenario.target, scenario.apiVersion);
  process.stdout.write(flags.json ? `${JSON.stringify({ target, ...report }, null, 2)}\n` : checkText(report, target));
  const isUsable = report.findings.every(({ level }) => level !== 'problem');
  return isUsable ? EXIT_CODE.success : EXIT_CODE.unreachable;
}

type OwnFlags = { readonly existingRecords: number | null; readonly hubs: readonly HubCapacity[] | null };

function readOwnFlags({ existingRecords, hubs }: CheckFlags): OwnFlags {
  const problems: Problem[] = [];
  const read = <Value>(flag: string, text: string | undefined, notation: Notation<Value>): Value | null => {
    if (text === undefined) return null;
    const reading = notation.read(text);
    if ('value' in reading) return reading.value;
    problems.push(problem(`${flag} ${quoteValue(text)} ${reading.problem}`, notation.remedy));
    return null;
  };
  const own = {
    existingRecords: read('--existing-records', existingRecords, RECORDS),
    hubs: read('--hubs', hubs, HUBS),
  };
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return own;
}
