import { existsSync, rmSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { Command, Option } from 'commander';
import { loadAttestationKeys } from '../../attestation/attestation-keys.ts';
import { ENROLL_FILE, type EnrollFile, readEnrollFile } from '../../enroll-folder/enroll-file.ts';
import { targetLabel } from '../../journal/target-name.ts';
import { OperatorError, problem, problemIn } from '../../problem/operator-error.ts';
import { RUN_FILE } from '../../run-folder/run-file.ts';
import { createRunFolder, ensureOutFolder, RUN_PLACE } from '../../run-folder/run-folder.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import { hasGroupKey, type ResolvedEnrollment, resolveEnrollment } from '../../scenario/read/resolve-enrollment.ts';
import type { Scenario, Target } from '../../scenario/scenario.ts';
import type { SettingName } from '../../scenario/settings/settings.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { type EmbeddedEmulator, startEmbeddedEmulator } from '../host/embedded-emulator.ts';
import { type EnrollRequest, readEnrollInputs } from '../host/enroll-inputs.ts';
import { EXIT_CODE } from '../host/exit-code.ts';
import type { Stop } from '../host/graceful-stop.ts';
import { loadScenario, readScenarioFile } from '../host/run-inputs.ts';
import { SERVICE_ACCESS_SETTINGS } from '../host/service-access.ts';
import { listenForSignals } from '../host/stop-signals.ts';
import { confirmRisks } from '../view/confirm-risks.ts';
import { ENROLL_PLACE } from '../view/journey-text.ts';
import { say } from '../view/say.ts';
import { showJourneyEnd } from '../view/show-journey-end.ts';
import { warningLines } from '../view/terminal-line.ts';
import { ENROLL_SETTINGS, newRequest, resumedRequest } from './enroll-command.ts';
import { executeJourney, type JourneyChoice } from './execute-journey.ts';
import { JOURNEY_HELP } from './journey-help.ts';
import { givenFlags, noColorOption, scenarioOption, settingOption } from './options.ts';

/** Those that differ from batch to batch; all others are for the scenario and for variables. */
const JOURNEY_SETTINGS: readonly SettingName[] = [
  ...(['emulator', 'emulatorConfig', 'host', 'idScope', 'port'] as const),
  ...(['rate', 'quota', 'quotaShare', 'hubCheck', 'hubCheckShare', 'hubConnectTo'] as const),
  ...SERVICE_ACCESS_SETTINGS,
  ...ENROLL_SETTINGS,
];

type JourneyFlags = JourneyChoice & {
  readonly scenario?: string;
  readonly resume?: string;
  readonly update?: true;
  readonly yes?: true;
  readonly json?: true;
};

export function journeyCommand(): Command {
  const command = new Command('journey')
    .description(
      'Takes a batch of devices the whole way: enrolls them, registers them, checks a sample at their hubs, and compares the ' +
        "service's records with the run; with --cleanup, then deletes what it created at the service. Each step is " +
        'done by its own command (enroll, run, audit, cleanup). The journey stops at a step that does not go well.',
    )
    .argument('[FLEET.csv]', 'one row per device, with a column registration_id (default: fleet.file of the scenario)')
    .addHelpText('after', JOURNEY_HELP);
  for (const option of journeyOptions()) command.addOption(option.helpGroup('Journey:'));
  for (const name of JOURNEY_SETTINGS) command.addOption(settingOption(name, ...sourceOf(name)));
  return command.action(async (fleet: string | undefined, flags: JourneyFlags) => {
    process.exitCode = await journey(givenFlags(command, fleet), flags);
  });
}

/** A journey without a hub check would not be one. */
function sourceOf(name: SettingName): readonly string[] {
  return name === 'hubCheck' ? ['(default: connect; DPSLOAD_HUB_CHECK)'] : [];
}

function journeyOptions(): readonly Option[] {
  return [
    scenarioOption(),
    new Option('--resume <folder>', 'continue a journey that was stopped or killed, or that failed (default: none)'),
    new Option('--cleanup', 'at the end, delete what the journey created at the service, after asking (default: no)'),
    new Option(
      '--update',
      'overwrite existing enrollments that differ, unless somebody else changes them at the same time (default: no)',
    ),
    new Option('--again', 'register even if --out holds a run of the same fleet and target (default: no)'),
    new Option('--yes', 'ask neither before deleting nor before running without a quota (default: ask)'),
    new Option('--json', 'print journey.json on stdout instead of text (default: no)'),
    new Option('--quiet', 'show no progress on stderr (default: no)'),
    noColorOption(),
  ];
}

async function journey(given: Flags, flags: JourneyFlags): Promise<number> {
  const earlier = flags.resume === undefined ? null : readBegun(flags.resume);
  if (earlier !== null) refuseChanges(given, flags);
  const plan = resolveJourney(earlier === null ? newRequest(given, flags) : resumedRequest(earlier, given));
  const { scenario } = plan;
  if (flags.resume !== undefined && scenario.target.kind === 'emulator') throw emulatorEnded(flags.resume);
  refuseUnaskedCleanup(flags, scenario);
  // Before the emulator starts: a signal must not leave it behind.
  const signals = listenForSignals();
  let stop: Stop | null = null;
  signals.onRequest(({ reason }) => {
    stop = reason;
  });
  let emulator: EmbeddedEmulator | null = null;
  try {
    emulator = await startEmulator(scenario);
    const at = { request: atEmulator(plan.request, emulator), emulator, isStopped: () => stop };
    return await travel({ ...plan, ...at }, flags);
  } finally {
    await emulator?.stop();
    signals.dispose();
  }
}

type JourneyPlan = {
  readonly request: EnrollRequest;
  readonly scenario: Scenario;
  /** The flags of its run, apart from its fleet. */
  readonly runFlags: Flags;
};

/** @throws OperatorError `usage` with every problem in the settings of enrollments, or else of the run */
function resolveJourney(asked: EnrollRequest): JourneyPlan {
  const { scenarioFile } = asked;
  const resolved = resolveEnrollment({
    flags: asked.flags,
    environment: process.env,
    scenarioFile: readScenarioFile(scenarioFile ?? ''),
  });
  const request = isWithoutKeys(resolved) ? { ...asked, flags: { ...asked.flags, generateKeys: 'true' } } : asked;
  const { hubCheck, generateKeys } = resolved.values;
  const runFlags: Flags = {
    ...request.flags,
    ...(generateKeys || request !== asked ? { attestation: 'device-key' } : {}),
    ...(hubCheck === null ? { hubCheck: 'connect' } : {}),
  };
  const { scenario } = loadScenario(runFlags, scenarioFile ?? undefined, process.env);
  const { load, selection } = scenario;
  if (load.rowsMax === null && selection.excludeRun === null && selection.onlyFile === null)
    return { request, scenario, runFlags };
  const message = 'a journey takes the whole fleet: a limit, or only some of its rows, cannot be chosen';
  throw new OperatorError('usage', [problem(message, 'Remove load.limit, only and exclude, or give a smaller fleet')]);
}

/** With the embedded emulator, as for a run: who gives no key needs none. */
function isWithoutKeys({ values, attestation }: ResolvedEnrollment): boolean {
  return values.emulator === true && attestation?.kind === 'group-key' && !hasGroupKey(attestation);
}

function refuseChanges(given: Flags, { scenario, update, resume = '' }: JourneyFlags): void {
  const changes = Object.keys(given).filter((name) => !(SERVICE_ACCESS_SETTINGS as readonly string[]).includes(name));
  if (changes.length === 0 && scenario === undefined && update === undefined) return;
  const message = 'the journey was given settings, and a journey that is resumed keeps its own';
  throw new OperatorError('usage', [problemIn(resume, message, 'Remove the fleet, --scenario, --update and settings')]);
}

function emulatorEnded(folder: string): OperatorError {
  const message = 'the journey used the embedded emulator, whose records ended with it';
  const remedy =
    'Begin a new journey; to be able to resume it, use a separate emulator (dpsload emulator --service-port 8443 --hub-port 8884) with --host';
  return new OperatorError('usage', [problemIn(folder, message, remedy)]);
}

/** At the end of the journey it would be too late to say so. */
function refuseUnaskedCleanup({ cleanup, yes }: JourneyFlags, { target }: Scenario): void {
  if (!cleanup || yes || target.kind === 'emulator' || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new OperatorError('usage', [
    problem('--cleanup asks before it deletes, and there is no terminal', 'Add --yes'),
  ]);
}

async function startEmulator({ target, transport, attestation }: Scenario): Promise<EmbeddedEmulator | null> {
  if (target.kind === 'service') return null;
  const isThrowAway = attestation.kind === 'x509' && attestation.certificates.from === 'throw-away';
  const keys = isThrowAway ? ({ kind: 'device-key' } as const) : await loadAttestationKeys(attestation, process.env);
  return await startEmbeddedEmulator(keys, target.configFile, { transport, withHubs: true, withServiceApi: true });
}

function atEmulator(request: EnrollRequest, emulator: EmbeddedEmulator | null): EnrollRequest {
  if (emulator?.service == null) return request;
  const { connectionFile: serviceConnectionFile, caFile: ca } = emulator.service;
  return { ...request, flags: { ...request.flags, serviceConnectionFile, ca } };
}

type StartedJourney = JourneyPlan & {
  readonly emulator: EmbeddedEmulator | null;
  readonly isStopped: () => Stop | null;
};

async function travel(started: StartedJourney, flags: JourneyFlags): Promise<number> {
  const { scenario, emulator, request } = started;
  const inputs = await readEnrollInputs(request, process.env);
  process.stderr.write(warningLines(inputs.warnings, process.stderr));
  const yes = flags.yes === true;
  await confirmRisks(scenario, { rows: inputs.rows, registrations: inputs.rows * scenario.load.rounds }, yes);
  const folder = flags.resume ?? newFolder(scenario);
  const target = labelOf(scenario.target, emulator);
  if (!flags.quiet) say(`journey: ${folder}, ${target}`);
  const began = { enroll: flags.resume !== undefined, run: hasRun(folder) };
  // Nothing at the embedded emulator outlives the journey: nobody is asked.
  const choice = { ...flags, ...(emulator === null ? {} : { yes: true as const }) };
  const end = await executeJourney({ ...started, folder, target, inputs, began, choice });
  const isOver = hasBegun(folder) ? (emulator === null ? null : 'emulator') : 'not-begun';
  if (isOver === 'not-begun') rmSync(folder, { recursive: true });
  showJourneyEnd(end, { folder, isOver, cleansUp: flags.cleanup === true }, flags);
  return end.exitCode ?? EXIT_CODE.internalError;
}

/** Whether anything may have been sent. */
function hasBegun(folder: string): boolean {
  return existsSync(join(folder, ENROLL_PLACE, ENROLL_FILE));
}

function readBegun(folder: string): EnrollFile {
  if (hasBegun(folder)) return readEnrollFile(join(folder, ENROLL_PLACE));
  const message = 'is not the folder of a journey, or that of one which ended before it sent anything';
  const remedy = 'Name the folder that dpsload journey printed when it began, or start a new journey';
  throw new OperatorError('usage', [problemIn(folder, message, remedy)]);
}

function labelOf(target: Target, emulator: EmbeddedEmulator | null): string {
  if (target.kind === 'service') return targetLabel(target);
  if (emulator === null) throw new Error('the emulator is the target, and does not run');
  return targetLabel({ kind: 'emulator', host: emulator.host, port: emulator.port, idScope: emulator.idScope });
}

function newFolder({ out, name, fleet }: Scenario): string {
  ensureOutFolder(out);
  const label = name ?? basename(fleet.file, extname(fleet.file));
  const named = label.startsWith('journey') ? label : `journey-${label}`;
  return createRunFolder({ out, name: named, fleet }, systemClock(hrtimeMs()).epochMs());
}

/** A run that was killed before it had its run.json has sent nothing: it begins anew. */
function hasRun(folder: string): boolean {
  const run = join(folder, RUN_PLACE);
  const isThere = existsSync(join(run, RUN_FILE));
  if (!isThere) rmSync(run, { recursive: true, force: true });
  return isThere;
}
