import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { AllocationExpectation } from '../../allocation/allocation-expectation.ts';
import { type AttestationKeys, loadAttestationKeys } from '../../attestation/attestation-keys.ts';
import { certificatesIn } from '../../certificates/certificate-chain.ts';
import { pinValueOf } from '../../fleet/pin-column.ts';
import { resultColumns } from '../../fleet/result-columns.ts';
import { type FleetSurvey, surveyFleet } from '../../fleet/survey-fleet.ts';
import { OperatorError, problemIn, unreadableFile } from '../../problem/operator-error.ts';
import { withReferenceRun } from '../../results/registration-rows.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import { type ResolvedScenario, resolveScenario, type ScenarioInput } from '../../scenario/read/resolve-scenario.ts';
import {
  type AttestationChoice,
  type Environment,
  fleetRulesOf,
  type Scenario,
  type Target,
} from '../../scenario/scenario.ts';
import { emulatorEnvironment, throwAwayIssuer, withThrowAwayKey } from './embedded-emulator.ts';
import { secretFileNameProblem } from './secret-file-names.ts';
import { shippedScenario } from './shipped-scenarios.ts';

/**
 * Resolves the scenario from flags, environment and the file of `-s`.
 *
 * @throws OperatorError with everything that is wrong with them.
 */
export function loadScenario(flags: Flags, file: string | undefined, environment: Environment): ResolvedScenario {
  const scenarioFile = readScenarioFile(file ?? environment[SCENARIO_VARIABLE] ?? '');
  return resolveScenario({ flags, environment, scenarioFile, cores: availableParallelism() });
}

/** `@NAME` is a scenario of the package. */
export function readScenarioFile(given: string): ScenarioInput['scenarioFile'] {
  if (given === '') return null;
  const secretName = secretFileNameProblem(SCENARIO_VARIABLE, given);
  if (secretName !== null) throw new OperatorError('usage', [secretName]);
  return given.startsWith('@') ? shippedScenario(given.slice(1)) : { file: given, text: readText(given) };
}

/** Contents of the files that a scenario names, checked. */
export type RunInputs<Fleet = FleetSurvey> = {
  readonly fleet: Fleet;
  readonly keys: AttestationKeys;
  /** The scenario's, with the hub shares of the run it refers to. */
  readonly allocation: AllocationExpectation | null;
  /** Text of the scenario's CA file; empty without one. */
  readonly caPems: readonly string[];
};

/**
 * Reads fleet, keys and certificates, before anything is opened.
 *
 * @throws OperatorError `usage` with the problems of all of them.
 */
export async function readRunInputs(scenario: Scenario, environment: Environment): Promise<RunInputs> {
  return await readInputsWithFleet(scenario, environment, async () => {
    const survey = await surveyFleet(scenario.fleet, fleetRulesOf(scenario), scenario);
    if (scenario.agents?.pinBy) pinValueOf(scenario.fleet, survey.otherColumns, scenario.agents.pinBy);
    resultColumns(scenario.fleet, { names: scenario.breakdowns, labels: labelsOf(scenario), ...survey });
    return survey;
  });
}

/** Labels of agents that are known before the agents are. */
export function labelsOf({ agents }: Pick<Scenario, 'agents'>): readonly string[] | null {
  if (agents === null) return [];
  return agents.local?.flatMap(({ labels }) => Object.keys(labels)) ?? null;
}

/** `readRunInputs` with another way to read the fleet. */
export async function readInputsWithFleet<Fleet>(
  scenario: Scenario,
  environment: Environment,
  readFleet: () => Promise<Fleet>,
): Promise<RunInputs<Fleet>> {
  const { target, caFile } = scenario;
  const loading = loadKeys(scenario.attestation, environment);
  // The configuration may name the keys: if they are unreadable, that problem is enough.
  const checking = loading.then(
    (loaded) => checkEmulatorConfig(target, loaded, environment),
    () => {},
  );
  const [keys, caPems, , allocation, fleet] = await allOrEveryProblem([
    loading,
    readCaFile(caFile),
    checking,
    withReferenceRun(scenario.allocation),
    readFleet(),
  ]);
  return { fleet, keys, caPems, allocation };
}

/** `Promise.all` that waits for every work, and throws the operator's mistakes of all of them as one error. */
export async function allOrEveryProblem<Values extends readonly unknown[]>(
  works: {
    readonly [Index in keyof Values]: Promise<Values[Index]>;
  },
): Promise<Values> {
  const settled = await Promise.allSettled(works);
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const problems = errors.flatMap((error) => {
    if (error instanceof OperatorError) return error.problems;
    throw error;
  });
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return await Promise.all(works);
}

async function loadKeys(attestation: AttestationChoice, environment: Environment): Promise<AttestationKeys> {
  const isThrowAway = attestation.kind === 'x509' && attestation.certificates.from === 'throw-away';
  return isThrowAway ? throwAwayIssuer() : loadAttestationKeys(attestation, environment);
}

/** The emulator, which reads the same file, starts only with the run. */
async function checkEmulatorConfig(target: Target, keys: AttestationKeys, environment: Environment): Promise<void> {
  if (target.kind !== 'emulator' || target.configFile === null) return;
  const { readEmulatorConfig } = await import('../../emulator/config/read-emulator-config.ts');
  readEmulatorConfig(target.configFile, emulatorEnvironment(withThrowAwayKey(target, keys), environment));
}

/** The text of a PEM file with certificates; empty for `null`. @throws OperatorError `usage` */
export async function readCaFile(file: string | null): Promise<readonly string[]> {
  if (file === null) return [];
  const pem = readText(file);
  if (holdsCertificates(pem)) return [pem];
  const remedy = 'Give the CA certificate as PEM: -----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----';
  throw new OperatorError('usage', [problemIn(file, 'contains no readable PEM certificate', remedy)]);
}

function holdsCertificates(pem: string): boolean {
  try {
    return certificatesIn(pem).length > 0;
  } catch {
    return false;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadableFile(file, error);
  }
}
