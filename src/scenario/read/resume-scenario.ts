import { type Environment, GROUP_KEY_VARIABLE } from '../scenario.ts';
import { SETTING_NAMES, type SettingName, settingNamed, variableOf } from '../settings/settings.ts';
import { type Flags, SCENARIO_VARIABLE } from './gather-settings.ts';
import { isMapping, valueAt } from './read-scenario.ts';
import { AGENT_SOURCES, SHAPE_SETTINGS } from './resolve-load.ts';
import { type ResolvedScenario, resolveScenario } from './resolve-scenario.ts';

/** A resumed run may change how it continues, but never what is registered, where, or as whom. */
export const RESUMABLE_SETTINGS: readonly SettingName[] = [
  'concurrency',
  ...SHAPE_SETTINGS,
  'quota',
  'quotaShare',
  'governor',
  'canary',
  'onOutage',
  'outageMax',
  'workers',
  ...AGENT_SOURCES,
  'agentsWithin',
  'agentsMin',
  'limit',
  'duration',
  'attempts',
  'deadline',
  'maxSurprises',
  'hubCheck',
  'hubCheckShare',
  'hubConnectTo',
  'threshold',
  'allowLimited',
  'metricsPort',
  'logFile',
  'note',
  'by',
  'csvFor',
];

/** Of each, a run has at most one: a flag replaces what the run had. */
const ALTERNATIVES: readonly (readonly SettingName[])[] = [SHAPE_SETTINGS, AGENT_SOURCES];

export type ResumeInput = {
  /** The file that holds the settings. */
  readonly file: string;
  /** As `scenarioKeys` returned them. */
  readonly settings: object;
  /** Of `RESUMABLE_SETTINGS` only. */
  readonly flags: Flags;
  readonly environment: Environment;
  readonly cores: number;
};

/**
 * The settings of the run, changed by flags only: they include what the environment said when the run began, and what it
 * says now must not redirect the run. Keys are read again from their original places.
 *
 * @throws OperatorError `usage` with every problem of the flags, and of keys that are missing.
 */
export function resumeScenario({ file, settings, flags, environment, cores }: ResumeInput): ResolvedScenario {
  const changed = ALTERNATIVES.filter((names) => names.some((name) => flags[name] !== undefined)).flat();
  const kept = without(
    settings,
    changed.map((name) => settingNamed(name).key),
  );
  // JSON is YAML.
  const scenarioFile = { file, text: JSON.stringify(kept) };
  return resolveScenario({ flags, environment: keysOnly(environment, kept), scenarioFile, cores });
}

/** @param keys Dotted paths. */
function without(settings: object, keys: readonly string[]): object {
  const kept = structuredClone(settings);
  for (const key of keys) {
    const path = key.split('.');
    const parent = valueAt(kept, path.slice(0, -1));
    if (isMapping(parent)) Reflect.deleteProperty(parent, path.at(-1) ?? '');
  }
  return kept;
}

function keysOnly(environment: Environment, settings: object): Environment {
  const dropped = [...SETTING_NAMES.map(variableOf), SCENARIO_VARIABLE];
  const namesKey = valueAt(settings, ['attestation', 'keyVariable']) === GROUP_KEY_VARIABLE;
  // It would replace the key that the run used.
  if (!namesKey) dropped.push(GROUP_KEY_VARIABLE);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !dropped.includes(name)));
}
