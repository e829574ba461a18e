import { Command, Option } from 'commander';
import { EMULATOR_ID_SCOPE_DEFAULT } from '../../emulator/config/default-instance.ts';
import { readFleet } from '../../fleet/read-fleet.ts';
import { CAPITAL_IDS_REMEDY, capitalIdsWarning, type FleetSurvey } from '../../fleet/survey-fleet.ts';
import type { TargetName } from '../../journal/target-name.ts';
import { refuseRepeatedRun } from '../../run-folder/earlier-runs.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import { printScenario, scenarioKeys } from '../../scenario/read/print-scenario.ts';
import type { Environment, Target } from '../../scenario/scenario.ts';
import { SETTING_NAMES, settingNamed } from '../../scenario/settings/settings.ts';
import { selectRows } from '../../selection/row-selection.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { givenScenario } from '../host/given-scenario.ts';
import { type RunSwitches, readRunInputs, type StartRun } from '../host/run-inputs.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import { describeRun } from '../view/describe-run.ts';
import { runHelp } from './run-help.ts';
import { givenFlags, settingOption } from './setting-option.ts';

type RunFlags = Partial<RunSwitches> & {
  readonly scenario?: string;
  readonly dryRun?: true;
  readonly printConfig?: true;
};

/** @param finish gets the exit code. */
export function runCommand(runFleet: StartRun, finish: (exitCode: number) => void): Command {
  const command = new Command('run')
    .description(
      'Registers every device of a fleet CSV with the Device Provisioning Service over MQTT. Leaves a folder with journal, ' +
        'results and latencies under --out. A target is never implied: give --emulator, or --host with --id-scope.',
    )
    .argument(
      '[FLEET.csv]',
      'one row for each device, with a column registration_id (default: fleet.file of the scenario)',
    )
    .addHelpText('after', runHelp());
  for (const name of SETTING_NAMES) {
    if (settingNamed(name).flag !== null) command.addOption(settingOption(name));
  }
  for (const option of switchOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (fleet: string | undefined, flags: RunFlags) => {
    const given = givenFlags(command);
    finish(await run(fleet === undefined ? given : { ...given, fleet }, flags, process.env, runFleet));
  });
}

function skippedRows({ file, rows, rejectedRows }: FleetSurvey): string {
  const count = rejectedRows === 1 ? '1 row is' : `${rejectedRows} rows are`;
  return `${count} left out of ${file}, ${rows} can be used; rejected-rows.csv in the run's folder names lines and reasons.`;
}

/** `null` = only the emulator itself can tell, once it has read its configuration. */
function plannedTarget(target: Target): TargetName | null {
  if (target.kind === 'service') return target;
  // Host and port do not matter: every run has an emulator of its own.
  const { kind, configFile } = target;
  return configFile === null ? { kind, host: '127.0.0.1', port: 0, idScope: EMULATOR_ID_SCOPE_DEFAULT } : null;
}

function switchOptions(): readonly Option[] {
  return [
    new Option(
      '-s, --scenario <file>',
      `YAML file with settings, or @NAME of one that dpsload brings (default: none; ${SCENARIO_VARIABLE})`,
    ),
    new Option('--again', 'also when a run under --out has the same fleet and target (default: no)'),
    ...displayOptions(),
    new Option('--dry-run', 'check everything, say what would be done, open nothing (default: no)').conflicts('json'),
    new Option('--print-config', 'print the settings as a scenario, each with its source (default: no)').conflicts([
      'json',
      'dryRun',
    ]),
  ];
}

/** Those that a resumed run has as well. */
export function displayOptions(): readonly Option[] {
  return [
    new Option('--yes', 'go on without asking where a run leaves the quota, or the governor is off (default: ask)'),
    new Option('--json', 'print summary.json on stdout instead of the text summary (default: no)'),
    new Option('--quiet', 'no progress on stderr (default: no)'),
    new Option('--no-color', 'no colours (default: colours on a terminal; NO_COLOR)'),
  ];
}

async function run(given: Flags, flags: RunFlags, environment: Environment, runFleet: StartRun): Promise<number> {
  const resolved = givenScenario(given, flags.scenario, environment);
  const { scenario } = resolved;
  if (flags.printConfig) {
    process.stdout.write(printScenario(resolved));
    return EXIT_CODE.success;
  }
  const { survey, allocation, ...inputs } = await readRunInputs(scenario, environment);
  const warning = capitalIdsWarning(survey.capitalIds);
  if (warning !== null) process.stderr.write(`warning: ${warning}. ${CAPITAL_IDS_REMEDY}.\n`);
  if (survey.rejectedRows > 0) process.stderr.write(`warning: ${skippedRows(survey)}\n`);
  const selection = await selectRows(readFleet(scenario.fleet, survey), scenario);
  for (const text of selection.warnings) process.stderr.write(`warning: ${text}\n`);
  if (flags.dryRun) {
    const target = plannedTarget(scenario.target);
    if (target !== null && !flags.again) refuseRepeatedRun({ out: scenario.out, digest: survey.digest, target });
    process.stdout.write(describeRun(scenario, survey, selection.rows));
    return EXIT_CODE.success;
  }
  const { again = false, yes = false, json = false, quiet = false, color = true } = flags;
  const rows = Math.min(selection.rows, scenario.load.rowsMax ?? selection.rows);
  const registrations = rows * scenario.load.rounds;
  await confirmRisks(scenario, { rows, registrations }, yes);
  const run = { settings: scenarioKeys(resolved), selection, resumed: null, registrations };
  return runFleet({ ...scenario, allocation }, survey, { again, yes, json, quiet, color, ...run, ...inputs });
}
