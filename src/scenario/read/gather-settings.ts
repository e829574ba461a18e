import { type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { type Environment, SECRET_VARIABLES } from '../scenario.ts';
import {
  longFlag,
  SETTING_NAMES,
  type SettingName,
  type SettingValues,
  settingNamed,
  variableOf,
} from '../settings/settings.ts';
import { describeOrigin, type Given, type Origin, originOf, problemAt } from './origin.ts';
import type { GivenScenario } from './read-scenario.ts';

/** Flags as they were given, by the setting's name; of a repeatable one a line each. */
export type Flags = Readonly<Partial<Record<SettingName, string>>>;

/** Names the scenario file, as `-s` does. */
export const SCENARIO_VARIABLE = 'DPSLOAD_SCENARIO';

/** Every setting with its value, and where each value comes from. */
export type GatheredSettings = {
  readonly values: SettingValues;
  readonly origins: Readonly<Record<SettingName, Origin>>;
};

/** Takes each setting from its strongest source; whatever is given is checked, also what a stronger source overrides. */
export function gatherSettings(
  flags: Flags,
  environment: Environment,
  scenario: GivenScenario,
  problems: Problem[],
): GatheredSettings {
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, Origin>> = {};
  for (const name of SETTING_NAMES) {
    const { value, origin } = gatherSetting(name, flags, environment, scenario.settings.get(name), problems);
    values[name] = value;
    origins[name] = origin;
  }
  return { values: values as SettingValues, origins: origins as Record<SettingName, Origin> };
}

/** One setting from its strongest source; `null` where there is no value, or one that cannot be read. */
export function gatherSetting<Name extends SettingName>(
  name: Name,
  flags: Flags,
  environment: Environment,
  inScenario: Given | undefined,
  problems: Problem[],
): { readonly value: SettingValues[Name]; readonly origin: Origin } {
  const { default: defaultValue, defaultText, reason } = settingNamed(name);
  let value = defaultValue as SettingValues[Name];
  let origin = originOf('default', defaultValue === null ? `${defaultText}; ${reason}` : reason);
  for (const given of [inScenario, givenVariable(environment, name), givenFlag(flags, name)]) {
    if (given === undefined) continue;
    value = readGiven(name, given, problems);
    origin = given.origin;
  }
  return { value, origin };
}

/** The value of a text that was given for the setting `name`; `null`, and a problem, when it cannot be read. */
export function readGiven<Name extends SettingName>(
  name: Name,
  given: Given,
  problems: Problem[],
): SettingValues[Name] {
  const { notation } = settingNamed(name);
  const reading = notation.read(given.text);
  if ('value' in reading) return reading.value as SettingValues[Name];
  const message = `${given.origin.name} ${quoteValue(given.written)} ${reading.problem}`;
  problems.push({ ...problemAt(given.origin, message, notation.remedy), excerpt: reading.excerpt ?? '' });
  return null as SettingValues[Name];
}

function givenFlag(flags: Flags, name: SettingName): Given | undefined {
  const text = flags[name];
  return text === undefined ? undefined : { text, written: text, origin: originOf('flag', flagName(name)) };
}

/** The fleet is an argument, not a flag. */
function flagName(name: SettingName): string {
  return settingNamed(name).flag === null ? 'the argument FLEET.csv' : longFlag(name);
}

function givenVariable(environment: Environment, name: SettingName): Given | undefined {
  const variable = variableOf(name);
  const text = environment[variable] ?? '';
  return text === '' ? undefined : { text, written: text, origin: originOf('environment', variable) };
}

/** Variables that begin as ours do but mean nothing: a slip of the finger would otherwise be ignored in silence. */
export function unknownVariables(environment: Environment, used: readonly string[]): readonly Problem[] {
  const known = [...SETTING_NAMES.map(variableOf), ...SECRET_VARIABLES, SCENARIO_VARIABLE];
  return Object.keys(environment)
    .filter((name) => name.startsWith('DPSLOAD_') && !known.includes(name) && !used.includes(name))
    .map((name) => {
      const similar = similarWord(name, known);
      const remedy =
        similar === null
          ? 'Unset it; dpsload run --help shows those that there are'
          : `Rename it to ${similar}, or unset it`;
      return problem(`the environment variable ${quoteValue(name)} means nothing`, remedy);
    });
}

/** Names of settings that were given, other than by default, with their places: `--host, DPSLOAD_ID_SCOPE`. */
export function listGiven(origins: GatheredSettings['origins'], names: readonly SettingName[]): string {
  return givenOrigins(origins, names).map(describeOrigin).join(', ');
}

export function givenOrigins(origins: GatheredSettings['origins'], names: readonly SettingName[]): readonly Origin[] {
  return names.map((name) => origins[name]).filter(({ source }) => source !== 'default');
}
