import { MQTT_PORT, WEBSOCKET_PORT } from '../../dps/endpoint.ts';
import type { TlsChoices } from '../../mqtt/tls-sockets.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { REGISTRATION_POLICY_DEFAULT, type RegistrationPolicy } from '../../registration/registration-policy.ts';
import type { AttestationChoice, Environment, Scenario, SecretSource, Target } from '../scenario.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import {
  type Flags,
  type GatheredSettings,
  gatherSettings,
  givenOrigins,
  listGiven,
  unknownVariables,
} from './gather-settings.ts';
import { describeOrigin, problemAt } from './origin.ts';
import { type GivenScenario, readScenario } from './read-scenario.ts';
import { checkAllocation, toAllocation } from './resolve-allocation.ts';
import { type ResolvedAttestation, resolveAttestation } from './resolve-attestation.ts';
import { checkLoad, toLoad, withLoad } from './resolve-load.ts';

export type ScenarioInput = {
  readonly flags: Flags;
  readonly environment: Environment;
  /** `null` = none is used. */
  readonly scenarioFile: { readonly file: string; readonly text: string } | null;
  /** Cores that this machine offers. */
  readonly cores: number;
};

/** A scenario, with every setting as it was decided and the place that decided it. */
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
  const gathered = withPort(gatherSettings(flags, environment, given, problems));
  const target = resolveTarget(gathered, problems);
  const { attestation, keyOrigins } = resolveAttestation(gathered, given.groups, environment, target, problems);
  const { values, origins } = withKeys(withLoad(gathered, target, cores), attestation, keyOrigins);
  checkFleet(values, origins, problems);
  checkLoad(gathered, problems);
  checkAllocation(gathered, problems);
  checkTls(gathered, problems);
  checkOrder(values, origins, 'retryDelayBase', 'retryDelayMax', problems);
  checkOrder(values, origins, 'conflictDelayMin', 'conflictDelayMax', problems);
  problems.push(...unknownVariables(environment, [...given.variables, ...keyVariables(attestation)]));
  if (problems.length > 0) throw new OperatorError('usage', inOrder(problems));
  return { values, origins, scenario: toScenario(values, known(target), attestation) };
}

/** Those of the scenario file first, from its top to its end. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const inFile = problems.filter(({ file }) => file !== null);
  const byPlace = inFile.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return [...byPlace, ...problems.filter(({ file }) => file === null)];
}

/** Leaves only those key sources which were chosen. */
function withKeys(
  { values, origins }: GatheredSettings,
  attestation: AttestationChoice,
  { primary, secondary }: ResolvedAttestation['keyOrigins'],
): GatheredSettings {
  const isGroupKey = attestation.kind === 'group-key';
  const [groupKeyFile, groupKeyVariable] = fileOrVariable(isGroupKey ? attestation.key : null);
  const [secondaryKeyFile, secondaryKeyVariable] = fileOrVariable(isGroupKey ? attestation.secondary.key : null);
  const origin = primary ?? origins.groupKeyVariable;
  const secondaryOrigin = secondary ?? origins.secondaryKeyVariable;
  return {
    values: { ...values, groupKeyFile, groupKeyVariable, secondaryKeyFile, secondaryKeyVariable },
    origins: {
      ...origins,
      groupKeyFile: origin,
      groupKeyVariable: origin,
      secondaryKeyFile: secondaryOrigin,
      secondaryKeyVariable: secondaryOrigin,
    },
  };
}

function fileOrVariable(source: SecretSource | null): readonly [file: string | null, variable: string | null] {
  return [source?.kind === 'file' ? source.file : null, source?.kind === 'environment' ? source.variable : null];
}

function checkFleet(values: SettingValues, origins: GatheredSettings['origins'], problems: Problem[]): void {
  if (origins.fleet.source === 'default') {
    problems.push(problem('no fleet is named', 'Name the CSV file: dpsload run FLEET.csv'));
  }
  if (values.header === false && Object.keys(values.map ?? {}).length > 0) {
    const message = `${describeOrigin(origins.map)} names columns of a CSV that has no header (${describeOrigin(origins.header)})`;
    problems.push(problemAt(origins.map, message, 'Remove one of the two'));
  }
}

function checkOrder(
  values: SettingValues,
  origins: GatheredSettings['origins'],
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

function keyVariables(attestation: AttestationChoice): readonly string[] {
  if (attestation.kind !== 'group-key') return [];
  const sources = [attestation, attestation.secondary].flatMap(({ key, groups }) => [key, ...Object.values(groups)]);
  return sources.flatMap((source: SecretSource | null) => (source?.kind === 'environment' ? [source.variable] : []));
}

function toScenario(values: SettingValues, target: Target, attestation: AttestationChoice): Scenario {
  return {
    name: values.name,
    target,
    caFile: values.caOnly ?? values.ca,
    transport: known(values.transport),
    tls: toTls(values),
    apiVersion: known(values.apiVersion),
    attestation,
    fleet: {
      file: known(values.fleet),
      delimiter: known(values.delimiter),
      header: known(values.header),
      columns: known(values.map),
    },
    onBadRow: known(values.onBadRow),
    load: toLoad(values),
    selection: { excludeRun: values.exclude, onlyFile: values.only },
    expectation: { devices: known(values.expect), surprisesMax: known(values.maxSurprises) },
    registration: toPolicy(values),
    allocation: toAllocation(values),
    region: values.region,
    listsLeftBehind: known(values.leftBehind),
    thresholds: known(values.threshold),
    allowLimited: known(values.allowLimited),
    metricsPort: values.metricsPort,
    out: known(values.out),
    seed: known(values.seed),
  };
}

function toPolicy(values: SettingValues): RegistrationPolicy {
  return {
    ...REGISTRATION_POLICY_DEFAULT,
    attemptsMax: known(values.attempts),
    requestRetriesMax: known(values.requestRetries),
    pollsMax: known(values.polls),
    connectTimeoutMs: known(values.connectTimeout),
    responseTimeoutMs: known(values.responseTimeout),
    deadlineMs: known(values.deadline),
    pollDelayDefaultMs: known(values.pollDelay),
    pollDelayMinMs: known(values.pollDelayMin),
    retryAfterMaxMs: known(values.retryAfterMax),
    retryDelayBaseMs: known(values.retryDelayBase),
    retryDelayMaxMs: known(values.retryDelayMax),
    conflictDelayMinMs: known(values.conflictDelayMin),
    conflictDelayMaxMs: known(values.conflictDelayMax),
    retriesInvalidCertificate: known(values.retryInvalidCertificate),
  };
}

/** A value that is only absent when there are problems, which have been thrown by then. */
function known<Value>(value: Value | null): Value {
  if (value === null) throw new Error('a setting without a value passed without a problem');
  return value;
}

/** They say what the embedded emulator is, and mean nothing for a host. */
export const EMULATOR_SETTINGS: readonly SettingName[] = ['emulator', 'emulatorConfig', 'throwAway'];
/** They say where a DPS instance is, and mean nothing for the embedded emulator. */
export const SERVICE_SETTINGS: readonly SettingName[] = ['host', 'idScope', 'port'];
/** Those of them that name an instance. */
const INSTANCE_SETTINGS: readonly SettingName[] = ['host', 'idScope'];

const TARGET_REMEDY =
  'Give --emulator, or --host HOST with --id-scope SCOPE (the overview page of the DPS instance shows both)';

/** The one target that flags, environment and scenario name together; `null`, and a problem, when it is none or two. */
export function resolveTarget(settings: GatheredSettings, problems: Problem[]): Target | null {
  const { values, origins } = settings;
  const emulatorSettings = values.emulator === true ? EMULATOR_SETTINGS : (['emulatorConfig'] as const);
  const ofEmulator = listGiven(origins, emulatorSettings);
  const ofInstance = listGiven(origins, INSTANCE_SETTINGS);
  if (ofEmulator !== '' && ofInstance !== '') {
    const message = `two targets: the emulator (${ofEmulator}) and a DPS instance (${ofInstance})`;
    const [first = null] = givenOrigins(origins, INSTANCE_SETTINGS).filter(({ file }) => file !== null);
    const remedy = 'Remove one of them from flags, environment and scenario: a run has one target';
    problems.push(first === null ? problem(message, remedy) : problemAt(first, message, remedy));
    return null;
  }
  if (ofEmulator !== '') return emulatorTarget(settings, problems);
  if (ofInstance !== '') return serviceTarget(settings, problems);
  problems.push(problem('no target is named', TARGET_REMEDY));
  return null;
}

function emulatorTarget({ values, origins }: GatheredSettings, problems: Problem[]): Target {
  if (values.emulator !== true) {
    const message = `${origins.emulatorConfig.name} is given, but the emulator is not the target`;
    problems.push(problemAt(origins.emulatorConfig, message, 'Add --emulator'));
  }
  if (origins.port.source !== 'default') {
    const message = `${origins.port.name} has no meaning for the embedded emulator, which takes a free port`;
    problems.push(problemAt(origins.port, message, 'Remove it'));
  }
  return {
    kind: 'emulator',
    configFile: values.emulatorConfig,
    throwAway: values.throwAway === true || values.emulatorConfig === null,
  };
}

function serviceTarget({ values, origins }: GatheredSettings, problems: Problem[]): Target | null {
  for (const [missing, given, noun] of [
    ['host', 'idScope', 'host'],
    ['idScope', 'host', 'ID scope'],
  ] as const) {
    if (origins[missing].source !== 'default') continue;
    problems.push(problemAt(origins[given], `${origins[given].name} is given, but no ${noun}`, TARGET_REMEDY));
  }
  const { host, port, idScope } = values;
  return host === null || port === null || idScope === null ? null : { kind: 'service', host, port, idScope };
}

/** Puts in the port that belongs to the transport, where none is given. */
export function withPort({ values, origins }: GatheredSettings): GatheredSettings {
  const portDefault = values.transport === 'websocket' ? WEBSOCKET_PORT : MQTT_PORT;
  return { values: { ...values, port: values.port ?? portDefault }, origins };
}

export function checkTls({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (values.ca !== null && values.caOnly !== null) {
    const message = `${listGiven(origins, ['ca', 'caOnly'])}: roots are either added or replaced`;
    problems.push(problem(message, 'Remove one of the two; one file can hold several certificates'));
  }
  if (values.tlsMin === '1.3' && values.tlsMax === '1.2') {
    const message = `${listGiven(origins, ['tlsMin', 'tlsMax'])}: no TLS version is left`;
    problems.push(problem(message, 'Make --tls-min no newer than --tls-max'));
  }
}

export function toTls({ caOnly, tlsMin, tlsMax, serverName, localAddress }: SettingValues): TlsChoices {
  return {
    caOnly: caOnly !== null,
    versionMin: tlsMin === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    versionMax: tlsMax === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    serverName,
    localAddresses: localAddress ?? [],
  };
}
