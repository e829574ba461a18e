import type { FleetRules } from '../../fleet/fleet-rules.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import type { AttestationChoice } from '../scenario.ts';
import { type GatheredSettings, gatherSettings, listGiven, unknownVariables } from './gather-settings.ts';
import { type GivenScenario, readScenario } from './read-scenario.ts';
import { resolveAttestation } from './resolve-attestation.ts';
import { keyVariables, type ScenarioInput } from './resolve-scenario.ts';

/** The settings of a command that makes enrollments. Those of a run are there too, and mean nothing here. */
export type ResolvedEnrollment = GatheredSettings & {
  /** `null` = the service generates the keys of rows without one. */
  readonly attestation: AttestationChoice | null;
};

const NO_SCENARIO: GivenScenario = { settings: new Map(), groups: new Map(), variables: [], problems: [] };

/**
 * Resolves flags, environment and scenario file, setting by setting as for a run, but without a target to register with.
 *
 * @throws OperatorError `usage` with every problem of them.
 */
export function resolveEnrollment({
  flags,
  environment,
  scenarioFile,
}: Omit<ScenarioInput, 'cores'>): ResolvedEnrollment {
  const given = scenarioFile === null ? NO_SCENARIO : readScenario(scenarioFile.file, scenarioFile.text, environment);
  const problems: Problem[] = [...given.problems];
  const settings = gatherSettings({ flags, environment, scenario: given.settings }, problems);
  const sources = { settings, groups: given.groups, environment, target: null };
  const { attestation } = resolveAttestation(sources, problems);
  problems.push(...certificateProblems(attestation), ...settingProblems(settings));
  const isGenerated = settings.values.generateKeys === true;
  const isDerived = hasGroupKey(attestation);
  if (isGenerated && (isDerived || attestation.kind === 'x509')) {
    const message = `${listGiven(settings.origins, ['generateKeys'])}: the devices have ${isDerived ? 'keys derived from a group key' : 'certificates'} already`;
    problems.push(problem(message, 'Remove one of the two'));
  }
  problems.push(...unknownVariables(environment, [...given.variables, ...keyVariables(attestation)]));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { ...settings, attestation: isGenerated ? null : attestation };
}

/** Whether the devices have keys that are derived from the key of a group. */
export function hasGroupKey(attestation: AttestationChoice): boolean {
  return attestation.kind === 'group-key' && (attestation.key !== null || Object.keys(attestation.groups).length > 0);
}

function certificateProblems(attestation: AttestationChoice): readonly Problem[] {
  if (attestation.kind !== 'x509' || ['rows', 'folder'].includes(attestation.certificates.from)) return [];
  const remedy =
    'Make the certificates first (dpsload certs issue), or enroll their CA: dpsload enroll --group ID --group-ca-file FILE';
  return [problem('certificates that are issued when a device registers cannot be enrolled one by one', remedy)];
}

function settingProblems({ values, origins }: GatheredSettings): readonly Problem[] {
  if (values.webhookUrlFile === null || values.hubPolicy === 'custom') return [];
  const message = `${listGiven(origins, ['webhookUrlFile'])}: only the allocation policy custom calls a webhook`;
  return [problem(message, 'Add --hub-policy custom, or remove it')];
}

/** What every row of the fleet must have. Certificates are examined when the row's enrollment is made: it needs no private key. */
export function enrollmentRules(attestation: AttestationChoice | null): FleetRules {
  if (attestation?.kind === 'device-key') return { keys: 'in-every-row' };
  if (attestation?.kind !== 'group-key' || attestation.key !== null) return { keys: 'for-every-row' };
  return { keys: 'of-these-groups', groups: Object.keys(attestation.groups) };
}
