import { type Problem, problem } from '../../problem/operator-error.ts';
import { HIDDEN, quoteValue } from '../../problem/quote-value.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { type Environment, REDIS_VARIABLE, SECRET_VARIABLES } from '../scenario.ts';
import {
  longFlag,
  SETTING_NAMES,
  type SettingName,
  type SettingValues,
  settingNamed,
  variableOf,
} from '../settings/settings.ts';
import { describeOrigin, type Given, type Origin, originOf, problemAt } from './origin.ts';

/** Flags as the operator gave them, by the name of the setting; a repeatable one has a line for each. */
export type Flags = Readonly<Partial<Record<SettingName, string>>>;

/** Names the scenario file, as `-s` does. */
export const SCENARIO_VARIABLE = 'DPSLOAD_SCENARIO';

/** Everything that can give a setting. */
export type SettingSources = {
  readonly flags: Flags;
  readonly environment: Environment;
  readonly scenario?: ReadonlyMap<SettingName, Given>;
};

/** Every setting with its value, and where each value comes from. */
export type GatheredSettings = {
  readonly values: SettingValues;
  readonly origins: Readonly<Record<SettingName, Origin>>;
};

/** Takes each setting from its strongest source; every given text is checked, even if a stronger source overrides it. */
export function gatherSettings(sources: SettingSources, problems: Problem[]): GatheredSettings {
  const gathered = SETTING_NAMES.map((name) => [name, gatherSetting(name, sources, problems)] as const);
  return {
    values: Object.fromEntries(gathered.map(([name, { value }]) => [name, value])) as SettingValues,
    origins: Object.fromEntries(gathered.map(([name, { origin }]) => [name, origin])) as Record<SettingName, Origin>,
  };
}

/** Takes one setting from its strongest source; `null` when it has no value, or one that cannot be read. */
export function gatherSetting<Name extends SettingName>(
  name: Name,
  { flags, environment, scenario }: SettingSources,
  problems: Problem[],
): { readonly value: SettingValues[Name]; readonly origin: Origin } {
  const { default: defaultValue, defaultText, reason, notation } = settingNamed(name);
  let value = defaultValue as SettingValues[Name];
  let origin = originOf('default', defaultValue === null ? `${defaultText}; ${reason}` : reason);
  for (const given of [scenario?.get(name), givenVariable(environment, name), givenFlag(flags, name)]) {
    if (given === undefined) continue;
    const read = readGiven(name, given, problems);
    const sum = value === null || read === null ? undefined : notation.merge?.(value, read);
    // A resumed run reads the sum as one text, so it keeps to the limits of one.
    value = sum === undefined ? read : readGiven(name, { ...given, text: notation.show(sum) }, problems);
    origin = given.origin;
  }
  return { value, origin };
}

/** Reads a text given for the setting `name`; `null`, and a problem, when it cannot be read. */
export function readGiven<Name extends SettingName>(
  name: Name,
  given: Given,
  problems: Problem[],
): SettingValues[Name] {
  const { notation } = settingNamed(name);
  const reading = notation.read(given.text);
  if ('value' in reading) return reading.value as SettingValues[Name];
  const message = `${given.origin.name} ${reading.isSecret ? HIDDEN : quoteValue(given.written)} ${reading.problem}`;
  problems.push({ ...problemAt(given.origin, message, notation.remedy), excerpt: reading.excerpt ?? '' });
  return null as SettingValues[Name];
}

/** Whether none of these settings was given a text that could not be read, which is a problem of its own. */
export function isReadable({ values, origins }: GatheredSettings, names: readonly SettingName[]): boolean {
  return names.every((name) => values[name] !== null || origins[name].source === 'default');
}

/** A value that is `null` only when there are problems, which have been thrown by now. */
export function required<Value>(value: Value | null): Value {
  if (value === null) throw new Error('a required setting has no value, and no problem says so');
  return value;
}

function givenFlag(flags: Flags, name: SettingName): Given | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const flag = settingNamed(name).flag === null ? 'the argument FLEET.csv' : longFlag(name);
  return { text, written: text, origin: originOf('flag', flag) };
}

function givenVariable(environment: Environment, name: SettingName): Given | undefined {
  const variable = variableOf(name);
  const text = environment[variable] ?? '';
  return text === '' ? undefined : { text, written: text, origin: originOf('environment', variable) };
}

/** Complains of variables with our prefix that have no meaning: a typing error would otherwise go unnoticed. */
export function unknownVariables(environment: Environment, used: readonly string[]): readonly Problem[] {
  const known = [...SETTING_NAMES.map(variableOf), ...SECRET_VARIABLES, SCENARIO_VARIABLE, REDIS_VARIABLE];
  return Object.keys(environment)
    .filter((name) => name.startsWith('DPSLOAD_') && !known.includes(name) && !used.includes(name))
    .map((name) => {
      const similar = similarWord(name, known);
      const remedy =
        similar === null
          ? 'Unset it; dpsload run --help lists the known variables'
          : `Rename it to ${similar}, or unset it`;
      return problem(`unknown environment variable ${quoteValue(name)}`, remedy);
    });
}

/** The given ones of `names`, with their places: `--host, DPSLOAD_ID_SCOPE`. */
export function listGiven(origins: GatheredSettings['origins'], names: readonly SettingName[]): string {
  return givenOrigins(origins, names).map(describeOrigin).join(', ');
}

/** The origins of those settings that were given, rather than left at their default. */
export function givenOrigins(origins: GatheredSettings['origins'], names: readonly SettingName[]): readonly Origin[] {
  return names.map((name) => origins[name]).filter(({ source }) => source !== 'default');
}

/** Complains when more than one of `names` is given; a switch that is off does not count. Returns how many are. */
export function checkAtMostOne(
  { values, origins }: GatheredSettings,
  names: readonly SettingName[],
  noun: string,
  problems: Problem[],
): number {
  const given = names.filter((name) => origins[name].source !== 'default' && values[name] !== false);
  const [, second] = givenOrigins(origins, given);
  if (second !== undefined) {
    const message = `more than one ${noun} given: ${listGiven(origins, given)}`;
    problems.push(problemAt(second, message, 'Remove all but one'));
  }
  return given.length;
}
