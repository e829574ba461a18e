import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import type { RegistrationPolicy } from '../../registration/registration-policy.ts';
import type { AttestationChoice, Environment, Scenario, SecretSource, Target } from '../scenario.ts';
import type { SettingValues } from '../settings/settings.ts';
import {
  checkAtMostOne,
  type Flags,
  type GatheredSettings,
  gatherSettings,
  isReadable,
  required,
  unknownVariables,
} from './gather-settings.ts';
import { describeOrigin, problemAt } from './origin.ts';
import { type GivenScenario, readScenario } from './read-scenario.ts';
import { checkAllocation, toAllocation } from './resolve-allocation.ts';
import { type ResolvedAttestation, resolveAttestation } from './resolve-attestation.ts';
import { checkHubCheck, toHubCheck } from './resolve-hub-check.ts';
import { checkAgents, checkShare, SHAPE_SETTINGS, toAgents, toLoad, withLoadDefaults } from './resolve-load.ts';
import { checkTls, resolveTarget, toTls, withPortDefault } from './resolve-target.ts';

export type ScenarioInput = {
  readonly flags: Flags;
  readonly environment: Environment;
  /** `null` = none. */
  readonly scenarioFile: { readonly file: string; readonly text: string } | null;
  /** CPU cores of this machine. */
  readonly cores: number;
};

/** A scenario, with the final value of every setting and the place that decided it. */
export type ResolvedScenario = GatheredSettings & { readonly scenario: Scenario };

const NO_SCENARIO: GivenScenario = { settings: new Map(), groups: new Map(), variables: [], problems: [] };

/**
 * Flag > environment > scenario > default, setting by setting.
 *
 * @throws OperatorError `usage` with every problem of flags, environment and scenario file.
 */
export function resolveScenario({ flags, environment, scenarioFile, cores }: ScenarioInput): ResolvedScenario {
  const given = scenarioFile === null ? NO_SCENARIO : readScenario(scenarioFile.file, scenarioFile.text, environment);
  const problems: Problem[] = [...given.problems];
  const gathered = withPortDefault(gatherSettings({ flags, environment, scenario: given.settings }, problems));
  const target = resolveTarget(gathered, problems);
  const keySources = { settings: gathered, groups: given.groups, environment, target };
  const { attestation, keyOrigins } = resolveAttestation(keySources, problems);
  const settings = withKeys(withLoadDefaults(gathered, target, cores), attestation, keyOrigins);
  checkFleet(settings, problems);
  checkAtMostOne(gathered, SHAPE_SETTINGS, 'load shape', problems);
  if (target !== null && isReadable(gathered, ['quota', 'quotaShare', ...SHAPE_SETTINGS]))
    checkShare(settings, problems);
  checkAgents(gathered, problems);
  checkAllocation(gathered, problems);
  checkHubCheck(gathered, target, problems);
  checkTls(gathered, problems);
  checkOrder(settings, 'retryDelayBase', 'retryDelayMax', problems);
  checkOrder(settings, 'conflictDelayMin', 'conflictDelayMax', problems);
  problems.push(...unknownVariables(environment, [...given.variables, ...keyVariables(attestation)]));
  if (problems.length > 0) throw new OperatorError('usage', inOrder(problems));
  return { ...settings, scenario: toScenario(settings.values, required(target), attestation) };
}

/** Pins the delimiter that was detected, so that a resumed run reads the same rows. */
export function withDelimiter(resolved: ResolvedScenario, delimiter: string): ResolvedScenario {
  const { scenario, values } = resolved;
  return {
    ...resolved,
    values: { ...values, delimiter },
    scenario: { ...scenario, fleet: { ...scenario.fleet, delimiter } },
  };
}

/**
 * Gives a load whose concurrency is `auto` its slots.
 *
 * @param why that many, and from what, for whoever reads the settings
 */
export function withSlots(resolved: ResolvedScenario, slots: number, why: string): ResolvedScenario {
  const { scenario, origins } = resolved;
  const { load } = scenario;
  const { concurrency } = origins;
  return {
    ...resolved,
    origins: { ...origins, concurrency: { ...concurrency, name: `${concurrency.name}; here up to ${why}` } },
    scenario: { ...scenario, load: { ...load, concurrency: slots, workers: Math.min(load.workers, slots) } },
  };
}

/** Problems of the scenario file come first, in the order of their places. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const inFile = problems.filter(({ file }) => file !== null);
  const byPlace = inFile.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return [...byPlace, ...problems.filter(({ file }) => file === null)];
}

/** Keeps only the key sources that were chosen. */
function withKeys(
  { values, origins }: GatheredSettings,
  attestation: AttestationChoice,
  { primary, secondary }: ResolvedAttestation['keyOrigins'],
): GatheredSettings {
  const isGroupKey = attestation.kind === 'group-key';
  const [groupKeyFile, groupKeyVariable] = fileOrVariable(isGroupKey ? attestation.key : null);
  const [secondaryKeyFile, secondaryKeyVariable] = fileOrVariable(isGroupKey ? attestation.secondary.key : null);
  const { groupKeyVariable: first, secondaryKeyVariable: second } = origins;
  const ofPrimary = { groupKeyFile: primary ?? first, groupKeyVariable: primary ?? first };
  const ofSecondary = { secondaryKeyFile: secondary ?? second, secondaryKeyVariable: secondary ?? second };
  return {
    values: { ...values, groupKeyFile, groupKeyVariable, secondaryKeyFile, secondaryKeyVariable },
    origins: { ...origins, ...ofPrimary, ...ofSecondary },
  };
}

function fileOrVariable(source: SecretSource | null): readonly [file: string | null, variable: string | null] {
  return [source?.kind === 'file' ? source.file : null, source?.kind === 'environment' ? source.variable : null];
}

function checkFleet({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (origins.fleet.source === 'default') {
    problems.push(problem('no fleet given', 'Name the CSV file on the command line, or as fleet.file in the scenario'));
  }
  if (values.header === false && Object.keys(values.map ?? {}).length > 0) {
    const message = `${describeOrigin(origins.map)} names columns of a CSV that has no header (${describeOrigin(origins.header)})`;
    problems.push(problemAt(origins.map, message, 'Remove one of the two'));
  }
}

function checkOrder(
  { values, origins }: GatheredSettings,
  smaller: 'retryDelayBase' | 'conflictDelayMin',
  larger: 'retryDelayMax' | 'conflictDelayMax',
  problems: Problem[],
): void {
  const [min, max] = [values[smaller], values[larger]];
  if (min === null || max === null || min <= max) return;
  const origin = origins[smaller].source === 'default' ? origins[larger] : origins[smaller];
  problems.push(
    problemAt(origin, `${smaller} is longer than ${larger}`, `Make ${smaller} shorter, or ${larger} longer`),
  );
}

export function keyVariables(attestation: AttestationChoice): readonly string[] {
  if (attestation.kind !== 'group-key') return [];
  const sources = [attestation, attestation.secondary].flatMap(({ key, groups }) => [key, ...Object.values(groups)]);
  return sources.flatMap((source: SecretSource | null) => (source?.kind === 'environment' ? [source.variable] : []));
}

function toScenario(values: SettingValues, target: Target, attestation: AttestationChoice): Scenario {
  return {
    name: values.name,
    target,
    caFile: values.caOnly ?? values.ca,
    transport: required(values.transport),
    mqttClient: required(values.mqttClient),
    tls: toTls(values),
    nameResolution: {
      cacheMs: values.dnsCache === 'off' ? null : required(values.dnsCache),
      pinned: values.resolve ?? [],
    },
    apiVersion: required(values.apiVersion),
    attestation,
    fleet: {
      file: required(values.fleet),
      delimiter: values.delimiter,
      header: required(values.header),
      columns: required(values.map),
    },
    onBadRow: required(values.onBadRow),
    exactDuplicates: required(values.exactDuplicates),
    load: toLoad(values),
    agents: toAgents(values),
    selection: { excludeRun: values.exclude, onlyFile: values.only },
    expectation: { devices: required(values.expect), surprisesMax: required(values.maxSurprises) },
    registration: toPolicy(values),
    allocation: toAllocation(values),
    hubCheck: toHubCheck(values),
    region: values.region,
    notes: values.note ?? {},
    listsLeftBehind: required(values.leftBehind),
    breakdowns: required(values.by),
    csvFor: required(values.csvFor),
    thresholds: required(values.threshold),
    allowLimited: required(values.allowLimited),
    metricsPort: values.metricsPort,
    logFile: values.logFile,
    out: required(values.out),
    seed: required(values.seed),
  };
}

function toPolicy(values: SettingValues): RegistrationPolicy {
  return {
    permitLapseMs: null,
    attemptsMax: required(values.attempts),
    requestRetriesMax: required(values.requestRetries),
    pollsMax: required(values.polls),
    connectTimeoutMs: required(values.connectTimeout),
    responseTimeoutMs: required(values.responseTimeout),
    deadlineMs: required(values.deadline),
    pollDelayDefaultMs: required(values.pollDelay),
    pollDelayMinMs: required(values.pollDelayMin),
    retryAfterMaxMs: required(values.retryAfterMax),
    retryDelayBaseMs: required(values.retryDelayBase),
    retryDelayMaxMs: required(values.retryDelayMax),
    conflictDelayMinMs: required(values.conflictDelayMin),
    conflictDelayMaxMs: required(values.conflictDelayMax),
    retriesInvalidCertificate: required(values.retryInvalidCertificate),
  };
}
