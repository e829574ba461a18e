import { join } from 'node:path';
import { readEnrollFile } from '../../enroll-folder/enroll-file.ts';
import { KEYED_FLEET_FILE } from '../../enroll-folder/enroll-results.ts';
import { writeAtomically } from '../../files/atomic-file.ts';
import { dpsloadVersion } from '../../files/dpsload-version.ts';
import { OperatorError } from '../../problem/operator-error.ts';
import { StoppedBeforeStart } from '../../run/stop-request.ts';
import { RUN_PLACE } from '../../run-folder/run-folder.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import type { EmbeddedEmulator } from '../host/embedded-emulator.ts';
import type { EnrollInputs, EnrollRequest } from '../host/enroll-inputs.ts';
import { EXIT_CODE, exitCodeOfError } from '../host/exit-code.ts';
import type { Stop } from '../host/graceful-stop.ts';
import { loadScenario } from '../host/run-inputs.ts';
import type { DisplayFlags } from '../view/display-flags.ts';
import { errorMessage } from '../view/error-message.ts';
import {
  auditEnd,
  cleanupEnd,
  ENROLL_PLACE,
  enrollEnd,
  type JourneyEnd,
  registerEnds,
  type StepEnd,
  type StepName,
} from '../view/journey-text.ts';
import { say } from '../view/say.ts';
import { fitted } from '../view/terminal-line.ts';
import { auditFolder } from './audit-command.ts';
import { cleanEnrollments, cleanRun } from './cleanup-command.ts';
import { factsOf } from './enroll-command.ts';
import { executeEnroll, refuseChange } from './execute-enroll.ts';
import { resumeRun } from './resume-command.ts';
import { runPart } from './run-command.ts';

/** What the journey has come to, once all its steps have ended or one has stopped it. */
export const JOURNEY_FILE = 'journey.json';

export type JourneyChoice = Pick<DisplayFlags, 'quiet' | 'color'> & {
  readonly cleanup?: true;
  readonly again?: true;
  readonly yes?: true;
};

/** A journey whose settings and fleet have been read and checked. */
export type Journey = {
  readonly folder: string;
  readonly target: string;
  readonly request: EnrollRequest;
  readonly inputs: EnrollInputs;
  /** The flags of its run, apart from its fleet. */
  readonly runFlags: Flags;
  /** `null` = a service, which is there afterwards too. */
  readonly emulator: EmbeddedEmulator | null;
  /** Whether its folder has what an earlier session did. */
  readonly began: { readonly enroll: boolean; readonly run: boolean };
  readonly choice: JourneyChoice;
  readonly isStopped: () => Stop | null;
};

/** The commands that do the steps. */
const COMMANDS = { executeEnroll, runPart, resumeRun, auditFolder, cleanRun, cleanEnrollments };

export type JourneyCommands = typeof COMMANDS;

/** Takes each step as the command of its own would, and stops at the first that does not go well. */
export async function executeJourney(journey: Journey, commands: JourneyCommands = COMMANDS): Promise<JourneyEnd> {
  const ends: StepEnd[] = [];
  const steps: readonly (readonly [StepName, Step])[] = [
    ['enroll', enroll],
    ['register', register],
    ['audit', audit],
    ...(journey.choice.cleanup ? [['clean up', cleanUp] as const] : []),
  ];
  for (const [name, step] of steps) {
    if (!journey.choice.quiet) say(`${name} …`);
    ends.push(...(await endsOf(name, () => step(journey, commands), journey)));
    await writeEnd(journey, ends, null);
    if (ends.some(({ exitCode }) => exitCode !== EXIT_CODE.success)) break;
  }
  const failed = ends.find(({ exitCode }) => exitCode !== EXIT_CODE.success);
  const isWhole = ends.every((end) => end.isWhole);
  return await writeEnd(journey, ends, failed?.exitCode ?? (isWhole ? EXIT_CODE.success : EXIT_CODE.someFailed));
}

type Step = (journey: Journey, commands: JourneyCommands) => Promise<readonly StepEnd[]>;

/** What an operator can mend, or what a signal ended, is the end of a step; anything else is that of the program. */
async function endsOf(
  step: StepName,
  take: () => Promise<readonly StepEnd[]>,
  journey: Journey,
): Promise<readonly StepEnd[]> {
  const stop = journey.isStopped();
  const failed = (text: string, exitCode: number): StepEnd => ({ step, text, counts: {}, exitCode, isWhole: false });
  if (stop !== null) return [failed('not begun', EXIT_CODE[stop])];
  try {
    return await take();
  } catch (error) {
    if (!(error instanceof OperatorError || error instanceof StoppedBeforeStart)) throw error;
    process.stderr.write(fitted(errorMessage(error), process.stderr));
    return [failed('could not begin, or go on', exitCodeOfError(error))];
  }
}

async function writeEnd(journey: Journey, steps: readonly StepEnd[], exitCode: number | null): Promise<JourneyEnd> {
  const { folder, target, inputs } = journey;
  const end: JourneyEnd = {
    ...{ version: 1, dpsloadVersion: dpsloadVersion(), target, devices: inputs.rows, steps, exitCode },
  };
  await writeAtomically(join(folder, JOURNEY_FILE), (file) => file.write(`${JSON.stringify(end, null, 2)}\n`));
  return end;
}

async function enroll(journey: Journey, commands: JourneyCommands): Promise<readonly StepEnd[]> {
  const { request, inputs, began } = journey;
  const folder = join(journey.folder, ENROLL_PLACE);
  const facts = factsOf(request, inputs);
  const earlier = began.enroll ? readEnrollFile(folder) : null;
  if (earlier !== null) refuseChange(earlier, facts);
  const start = earlier === null ? { fresh: facts, label: '', folder } : { resumed: earlier, folder };
  const { summary, exitCode, stoppedBy } = await commands.executeEnroll({
    inputs,
    start,
    isQuiet: journey.choice.quiet === true,
  });
  if (stoppedBy !== null) process.stderr.write(fitted(errorMessage(stoppedBy), process.stderr));
  return [enrollEnd(summary, exitCode)];
}

async function register(journey: Journey, commands: JourneyCommands): Promise<readonly StepEnd[]> {
  const { choice, emulator, request, inputs, runFlags } = journey;
  const folder = join(journey.folder, RUN_PLACE);
  const flags = { ...choice, yes: true } as const;
  if (journey.began.run) {
    const ended = await commands.resumeRun(folder, {}, flags);
    return registerEnds(ended.summary, ended.exitCode);
  }
  const keyed = join(journey.folder, ENROLL_PLACE, KEYED_FLEET_FILE);
  // As dpsload enroll writes it.
  const fleet = inputs.keyedFleet === null ? {} : { fleet: keyed, delimiter: ',', header: 'true' };
  const resolved = loadScenario({ ...runFlags, ...fleet }, request.scenarioFile ?? undefined, process.env);
  const ended = await commands.runPart(resolved, flags, { emulator, folder });
  return registerEnds(ended.summary, ended.exitCode);
}

async function audit(journey: Journey, commands: JourneyCommands): Promise<readonly StepEnd[]> {
  const { inputs, choice } = journey;
  const quiet = choice.quiet ? ({ quiet: true } as const) : {};
  const { summary, exitCode } = await commands.auditFolder(join(journey.folder, RUN_PLACE), inputs.access, quiet);
  return [auditEnd(summary, exitCode)];
}

/** First the records: without its enrollment, the service may not give one out. */
async function cleanUp(journey: Journey, commands: JourneyCommands): Promise<readonly StepEnd[]> {
  const { folder, inputs, choice } = journey;
  const records = await commands.cleanRun(join(folder, RUN_PLACE), inputs.access, choice);
  if (records.stop !== null) return [cleanupEnd(records.counts, null, records.exitCode)];
  const enrollments = await commands.cleanEnrollments(join(folder, ENROLL_PLACE), inputs.access, choice);
  return [cleanupEnd(records.counts, enrollments.counts, enrollments.exitCode || records.exitCode)];
}
