import { Command, Option } from 'commander';
import { HUB_TIERS } from '../../dps/service-limits.ts';
import { readFleet } from '../../fleet/read-fleet.ts';
import type { HubCapacity } from '../../load/capacity.ts';
import { checkRun } from '../../preflight/check-run.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { type Notation, notation, wholeNumberBetween } from '../../scenario/notation/notation.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { SETTING_NAMES, settingNamed } from '../../scenario/settings/settings.ts';
import { selectRows } from '../../selection/row-selection.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { dpsloadVersion } from '../host/dpsload-version.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { givenScenario } from '../host/given-scenario.ts';
import { readRunInputs } from '../host/run-inputs.ts';
import { checkText } from '../view/check-text.ts';
import { describeTarget } from '../view/describe-run.ts';
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

/** More units than a hub can have. */
const UNITS_MAX = 200;

/** Hubs with tier and units: `hub-a=S1:2,hub-b=S3:1`. */
export const HUBS = notation<readonly HubCapacity[]>({
  placeholder: 'name=S1:units',
  noun: 'a list of hubs',
  remedy: `Write NAME=TIER:UNITS with commas between them, tiers ${HUB_TIERS.join(', ')}, for example hub-a=S1:2,hub-b=S3:1`,
  parse: (text) => {
    const hubs = text.split(',').map(readHub);
    return hubs.every((hub) => hub !== null) ? hubs : null;
  },
  show: (hubs) => hubs.map(({ name, tier, units }) => `${name}=${tier}:${units}`).join(','),
});

function readHub(text: string): HubCapacity | null {
  const [, name, tierText, unitsText] = /^\s*([A-Za-z0-9.-]+)=([A-Z]\d):(\d{1,3})\s*$/.exec(text) ?? [];
  const tier = HUB_TIERS.find((known) => known === tierText);
  const units = Number(unitsText);
  if (name === undefined || tier === undefined || !(units >= 1 && units <= UNITS_MAX)) return null;
  return { name, tier, units };
}
