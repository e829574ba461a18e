import { MQTT_PORT, WEBSOCKET_PORT } from '../../dps/endpoint.ts';
import type { TlsChoices } from '../../mqtt/tls-sockets.ts';
import { type Problem, problem } from '../../problem/operator-error.ts';
import type { Target } from '../scenario.ts';
import type { SettingName, SettingValues } from '../settings/settings.ts';
import { type GatheredSettings, givenOrigins, listGiven } from './gather-settings.ts';
import { problemAt } from './origin.ts';

/** They describe the embedded emulator, and do not apply to a host. */
export const EMULATOR_SETTINGS: readonly SettingName[] = ['emulator', 'emulatorConfig', 'throwAway'];
/** They locate a DPS instance, and do not apply to the embedded emulator. */
export const SERVICE_SETTINGS: readonly SettingName[] = ['host', 'idScope', 'port'];
/** Those of them that name an instance. */
const INSTANCE_SETTINGS: readonly SettingName[] = ['host', 'idScope'];

const TARGET_REMEDY =
  'Give --emulator, or --host HOST with --id-scope SCOPE (the overview page of the DPS instance shows both)';

/** The one target that flags, environment and scenario name together; `null`, and a problem, if they name none or two. */
export function resolveTarget(settings: GatheredSettings, problems: Problem[]): Target | null {
  const { values, origins } = settings;
  const emulatorSettings = values.emulator === true ? EMULATOR_SETTINGS : (['emulatorConfig'] as const);
  const ofEmulator = listGiven(origins, emulatorSettings);
  const ofInstance = listGiven(origins, INSTANCE_SETTINGS);
  if (ofEmulator !== '' && ofInstance !== '') {
    const message = `two targets: the emulator (${ofEmulator}) and a DPS instance (${ofInstance})`;
    const first = givenOrigins(origins, INSTANCE_SETTINGS).find(({ file }) => file !== null);
    const remedy = 'Remove one of them from flags, environment and scenario: a run has exactly one target';
    problems.push(first === undefined ? problem(message, remedy) : problemAt(first, message, remedy));
    return null;
  }
  if (ofEmulator !== '') return emulatorTarget(settings, problems);
  if (ofInstance !== '') return serviceTarget(settings, problems);
  problems.push(problem('no target given', TARGET_REMEDY));
  return null;
}

function emulatorTarget({ values, origins }: GatheredSettings, problems: Problem[]): Target {
  if (values.emulator !== true) {
    const message = `${origins.emulatorConfig.name} is given, but the emulator is not the target`;
    problems.push(problemAt(origins.emulatorConfig, message, 'Add --emulator'));
  }
  if (origins.port.source !== 'default') {
    const message = `${origins.port.name} does not apply to the embedded emulator, which uses any free port`;
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

/** Fills in the port that belongs to the transport, unless one is given. */
export function withPortDefault({ values, origins }: GatheredSettings): GatheredSettings {
  const portDefault = values.transport === 'websocket' ? WEBSOCKET_PORT : MQTT_PORT;
  return { values: { ...values, port: values.port ?? portDefault }, origins };
}

export function checkTls({ values, origins }: GatheredSettings, problems: Problem[]): void {
  if (values.ca !== null && values.caOnly !== null) {
    const message = `${listGiven(origins, ['ca', 'caOnly'])}: CA certificates can extend the system roots or replace them, not both`;
    problems.push(problem(message, 'Remove one of the two; one file can hold several certificates'));
  }
  if (values.tlsMin === '1.3' && values.tlsMax === '1.2') {
    const message = `${listGiven(origins, ['tlsMin', 'tlsMax'])}: no TLS version satisfies both`;
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
