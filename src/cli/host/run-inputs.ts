import { readFile } from 'node:fs/promises';
import type { AllocationExpectation } from '../../allocation/allocation-expectation.ts';
import type { AttestationKeys } from '../../attestation/attestation-keys.ts';
import { loadAttestationKeys } from '../../attestation/load-attestation-keys.ts';
import { certificatesIn } from '../../certificates/certificate-chain.ts';
import { type FleetSurvey, surveyFleet } from '../../fleet/survey-fleet.ts';
import { OperatorError, type Problem, problemIn, unreadableFile } from '../../problem/operator-error.ts';
import { withReferenceRun } from '../../results/registration-rows.ts';
import type { RunRequest } from '../../run/run-request.ts';
import {
  type AttestationChoice,
  type Environment,
  fleetRulesOf,
  type Scenario,
  type Target,
} from '../../scenario/scenario.ts';
import { emulatorEnvironment, withThrowAwayKey } from './embedded-emulator.ts';

/** What a run reads from the files that its scenario names, checked. */
export type RunInputs<Survey = FleetSurvey> = {
  readonly survey: Survey;
  readonly keys: AttestationKeys;
  /** That of the scenario, with the shares of the run that it names. */
  readonly allocation: AllocationExpectation | null;
  /** Text of the scenario's CA file; empty when it names none. */
  readonly caPems: readonly string[];
};

/**
 * Reads fleet, keys and certificates, before anything is opened.
 *
 * @throws OperatorError `usage` with the problems of all of them.
 */
export async function readRunInputs(scenario: Scenario, environment: Environment): Promise<RunInputs> {
  return await readInputs(scenario, environment, () =>
    surveyFleet(scenario.fleet, fleetRulesOf(scenario), scenario.onBadRow),
  );
}

/** `readRunInputs` for those who know the fleet. @param lookAtFleet instead of a survey */
export async function readInputs<Survey>(
  scenario: Scenario,
  environment: Environment,
  lookAtFleet: () => Promise<Survey>,
): Promise<RunInputs<Survey>> {
  const problems: Problem[] = [];
  const { attestation, target, caFile } = scenario;
  const keys = await collect(problems, keysOf(attestation, environment));
  const caPems = await collect(problems, caFile === null ? [] : readCaFile(caFile));
  // Of keys that cannot be read nothing more is said: the configuration may name them.
  if (keys !== undefined) await collect(problems, checkEmulatorConfig(target, keys, environment));
  const allocation = await collect(problems, withReferenceRun(scenario.allocation));
  const survey = await collect(problems, lookAtFleet());
  if (
    problems.length > 0 ||
    survey === undefined ||
    keys === undefined ||
    caPems === undefined ||
    allocation === undefined
  ) {
    throw new OperatorError('usage', problems);
  }
  return { survey, keys, caPems, allocation };
}

async function keysOf(attestation: AttestationChoice, environment: Environment): Promise<AttestationKeys> {
  const isThrowAway = attestation.kind === 'x509' && attestation.certificates.from === 'throw-away';
  if (!isThrowAway) return loadAttestationKeys(attestation, environment);
  return (await import('./throw-away-issuer.ts')).throwAwayIssuer();
}

/** The emulator, which reads the same, is only started for a run. */
async function checkEmulatorConfig(target: Target, keys: AttestationKeys, environment: Environment): Promise<void> {
  if (target.kind !== 'emulator' || target.configFile === null) return;
  const { readEmulatorConfig } = await import('../../emulator/config/read-emulator-config.ts');
  readEmulatorConfig(target.configFile, emulatorEnvironment(withThrowAwayKey(target, keys), environment));
}

/** `undefined`, with its problems added to the others, when an operator error ends it. */
async function collect<Value>(problems: Problem[], work: Value | Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

async function readCaFile(file: string): Promise<readonly string[]> {
  const pem = await readText(file);
  if (holdsCertificates(pem)) return [pem];
  const message = 'holds no readable certificate in PEM form';
  const remedy = 'Give the CA certificate as PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----';
  throw new OperatorError('usage', [problemIn(file, message, remedy)]);
}

function holdsCertificates(pem: string): boolean {
  try {
    return certificatesIn(pem).length > 0;
  } catch {
    return false;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadableFile(file, error);
  }
}

/** What the command line says beside the scenario. */
export type RunSwitches = {
  /** Register a fleet again that was registered under the same out folder, at the same target. */
  readonly again: boolean;
  /** The operator's word for what leaves the share of a quota, or switches the governor off, at a real service. */
  readonly yes: boolean;
  /** Print summary.json on stdout, and nothing else there. */
  readonly json: boolean;
  /** No progress on stderr. */
  readonly quiet: boolean;
  /** `false` = no colours, whatever the terminal is. */
  readonly color: boolean;
};

export type RunOptions = Pick<RunRequest, 'settings' | 'selection' | 'resumed'> &
  RunSwitches &
  Omit<RunInputs, 'survey' | 'allocation'> & {
    /** All that are to be made. */
    readonly registrations: number;
  };

/**
 * Registers a surveyed fleet.
 *
 * @returns the exit code of the process.
 */
export type StartRun = (scenario: Scenario, fleet: RunRequest['fleet'], options: RunOptions) => Promise<number>;
