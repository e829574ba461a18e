import { type Problem, problem } from '../problem/operator-error.ts';
import { type GatheredSettings, givenOrigins, listGiven } from './gather-settings.ts';
import { problemAt } from './origin.ts';
import type { Target } from './scenario.ts';
import type { SettingName } from './settings.ts';

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
