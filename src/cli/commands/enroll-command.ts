import { basename, extname, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { serviceEndpoint } from '../../dps/service-connection.ts';
import { type EnrollFile, readEnrollFile } from '../../enroll-folder/enroll-file.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { formatNoun } from '../../report/format.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import { type SettingName, settingNamed } from '../../scenario/settings/settings.ts';
import { type EnrollInputs, type EnrollRequest, readEnrollInputs } from '../host/enroll-inputs.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import { SERVICE_ACCESS_SETTINGS } from '../host/service-access.ts';
import { confirm } from '../view/confirm-risks.ts';
import { printEnrollRequests } from '../view/enroll-requests.ts';
import { showEnrollEnd } from '../view/show-enroll-end.ts';
import { warningLines } from '../view/terminal-line.ts';
import { ENROLL_HELP } from './enroll-help.ts';
import type { NewEnrollFile } from './execute-enroll.ts';
import { givenFlags, jsonOption, quietOption, scenarioOption, settingOption } from './options.ts';

/** The settings that say what enrollments are like, and where keys and rows come from. */
export const ENROLL_SETTINGS: readonly SettingName[] = [
  ...(['generateKeys', 'iotHubs', 'hubPolicy', 'webhookUrlFile', 'webhookApiVersion', 'initialTwin'] as const),
  ...(['reprovisioning', 'enrollmentStatus', 'iotEdge'] as const),
  ...(['attestation', 'groupKeyFile', 'secondaryKeyFile', 'certDir', 'certPattern'] as const),
  ...(['delimiter', 'header', 'map', 'out'] as const),
];

type EnrollFlags = {
  readonly group?: string;
  readonly groupCaFile?: string;
  readonly disable?: string;
  readonly delete?: string;
  readonly resume?: string;
  readonly update?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
  readonly quiet?: true;
  readonly scenario?: string;
};

export function enrollCommand(): Command {
  const command = new Command('enroll')
    .description(
      'Creates an individual enrollment for each row of a fleet CSV through the service API of the DPS instance, within its ' +
        'quota. Leaves existing enrollments as they are, unless --update is given. Also creates enrollment groups, and ' +
        'disables or deletes the enrollments that a list names.',
    )
    .argument('[FLEET.csv]', 'one row per device, with a column registration_id (default: fleet.file of the scenario)')
    .addHelpText('after', ENROLL_HELP);
  for (const option of actionOptions()) command.addOption(option.helpGroup('Enroll:'));
  for (const name of [...SERVICE_ACCESS_SETTINGS, ...ENROLL_SETTINGS]) command.addOption(settingOption(name));
  for (const option of displayOptions()) command.addOption(option.helpGroup('Run:'));
  return command.action(async (fleet: string | undefined, flags: EnrollFlags) => {
    process.exitCode = await enroll(fleet, givenFlags(command, fleet), flags);
  });
}

function actionOptions(): readonly Option[] {
  return [
    new Option(
      '--update',
      'overwrite existing enrollments that differ, unless somebody else changes them at the same time (default: no)',
    ),
    new Option('--group <id>', 'create this enrollment group instead of individual enrollments (default: none)'),
    new Option(
      '--group-ca-file <file>',
      'PEM certificate of the CA that signs the certificates of the group (default: none)',
    ),
    new Option(
      '--disable <IDs.csv>',
      'disable the enrollments whose registration IDs are in this file, and create none (default: none)',
    ),
    new Option(
      '--delete <IDs.csv>',
      'delete the enrollments whose registration IDs are in this file, and create none (default: none)',
    ),
    new Option(
      '--resume <folder>',
      'continue a command that was stopped or killed, or that failed for some rows (default: none)',
    ),
  ];
}

function displayOptions(): readonly Option[] {
  return [
    scenarioOption(),
    new Option('--dry-run', 'check everything and print the requests, but send nothing (default: no)').conflicts(
      'json',
    ),
    new Option('--yes', 'do not ask before disabling or deleting (default: ask)'),
    jsonOption('enroll-summary.json'),
    quietOption(),
  ];
}

async function enroll(fleet: string | undefined, given: Flags, flags: EnrollFlags): Promise<number> {
  refuseContradictions(fleet, given, flags);
  const earlier = flags.resume === undefined ? null : readEnrollFile(flags.resume);
  const request = earlier === null ? newRequest(given, flags) : resumedRequest(earlier, given);
  const inputs = await readEnrollInputs(request, process.env);
  const facts = factsOf(request, inputs);
  process.stderr.write(warningLines(inputs.warnings, process.stderr));
  if (flags.dryRun) {
    await printEnrollRequests(facts, inputs.listed());
    return EXIT_CODE.success;
  }
  const { executeEnroll, refuseChange } = await import('./execute-enroll.ts');
  if (earlier !== null) refuseChange(earlier, facts);
  if (request.action !== 'create') await confirmAction(facts, flags.yes === true);
  const label = request.groupId ?? basename(facts.list?.file ?? '', extname(facts.list?.file ?? ''));
  const start =
    earlier === null
      ? { fresh: facts, label: request.action === 'create' ? label : `${request.action}-${label}`, folder: null }
      : { resumed: earlier, folder: flags.resume ?? '' };
  const end = await executeEnroll({ inputs, start, isQuiet: flags.quiet === true });
  showEnrollEnd(end, flags.json === true);
  return end.exitCode;
}

/** The command does one thing; a resumed one does what it did before. */
function refuseContradictions(fleet: string | undefined, given: Flags, flags: EnrollFlags): void {
  const { group, disable, delete: deleted, resume, update, groupCaFile } = flags;
  const things = [
    ...(fleet === undefined ? [] : ['FLEET.csv']),
    ...(group === undefined ? [] : ['--group']),
    ...(disable === undefined ? [] : ['--disable']),
    ...(deleted === undefined ? [] : ['--delete']),
    ...(resume === undefined ? [] : ['--resume']),
  ];
  const problems = [];
  if (things.length > 1) problems.push(problem(`${things.join(' and ')} given`, 'Remove all but one'));
  if (groupCaFile !== undefined && group === undefined) {
    problems.push(problem('--group-ca-file given without --group', 'Name the enrollment group with --group ID'));
  }
  if (update && (disable ?? deleted ?? resume) !== undefined) {
    problems.push(problem(`--update given with ${things.join()}`, 'Remove one of the two'));
  }
  const fixed = ENROLL_SETTINGS.filter((name) => resume !== undefined && name in given);
  if (fixed.length > 0 || (resume !== undefined && flags.scenario !== undefined)) {
    const remedy = 'Remove every flag that says what to enroll: a resumed command keeps its own';
    problems.push(problem('--resume given with flags for a new command', remedy));
  }
  if (problems.length > 0) throw new OperatorError('usage', problems);
}

export function newRequest(given: Flags, flags: Omit<EnrollFlags, 'quiet' | 'yes' | 'json' | 'dryRun'>): EnrollRequest {
  const { group = null, groupCaFile, disable, delete: deleted, update = false } = flags;
  const scenario = flags.scenario ?? process.env[SCENARIO_VARIABLE] ?? '';
  return {
    action: disable !== undefined ? 'disable' : deleted !== undefined ? 'delete' : 'create',
    updates: update,
    groupId: group,
    groupCaFile: groupCaFile === undefined ? null : resolve(groupCaFile),
    idsFile: disable ?? deleted ?? null,
    scenarioFile: scenario === '' || scenario.startsWith('@') ? scenario || null : resolve(scenario),
    flags: absolute(given),
  };
}

/** Paths as they are from any folder. */
function absolute(flags: Flags): Flags {
  const entries = Object.entries(flags).map(([name, text]) => {
    const isFile = settingNamed(name as SettingName).notation.kind === 'file';
    return [name, isFile ? resolve(text) : text] as const;
  });
  return Object.fromEntries(entries);
}

export function resumedRequest(earlier: EnrollFile, given: Flags): EnrollRequest {
  const { action, updates, groupId, groupCaFile, scenarioFile, flags, list } = earlier;
  const idsFile = action === 'create' ? null : (list?.file ?? null);
  return { action, updates, groupId, groupCaFile, scenarioFile, idsFile, flags: { ...flags, ...absolute(given) } };
}

export function factsOf(request: EnrollRequest, { access, rows, list, settingsSha256 }: EnrollInputs): NewEnrollFile {
  const { action, updates, groupId, groupCaFile, scenarioFile, flags } = request;
  const hostName = serviceEndpoint(access.connection).host;
  return {
    ...{ version: 1, dpsloadVersion: dpsloadVersion(), hostName, action, updates, groupId, list, rows },
    ...{ flags: { ...flags }, scenarioFile, groupCaFile, settingsSha256 },
  };
}

async function confirmAction({ hostName, action, rows }: NewEnrollFile, yes: boolean): Promise<void> {
  if (yes) return;
  const plan = `${hostName}: ${action}s ${formatNoun(rows, 'enrollment')}`;
  const effect =
    action === 'delete'
      ? 'their keys and settings are lost'
      : 'their devices cannot register until they are enabled again';
  await confirm(plan, [effect], 'Add --yes to confirm');
}
