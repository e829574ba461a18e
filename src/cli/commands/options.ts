import { type Command, Option } from 'commander';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../certificates/key-algorithm.ts';
import { type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { choice, type Notation, wholeNumberBetween, YES_NO } from '../../scenario/notation/notation.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import { NOT_OF_A_RUN } from '../../scenario/settings/setting.ts';
import {
  longFlag,
  SETTING_NAMES,
  type SettingName,
  settingNamed,
  variableOf,
} from '../../scenario/settings/settings.ts';

/** The option of a setting. Its value stays text, to be read with the other sources. @param source the end of its help */
export function settingOption(name: SettingName, source: string = settingSource(name)): Option {
  const { flag, notation, help, group } = settingNamed(name);
  const short = flag?.short ?? null;
  const isSwitch = notation === YES_NO;
  const flags = `${short === null ? '' : `-${short}, `}${longFlag(name)}${isSwitch ? '' : ` <${notation.placeholder}>`}`;
  const option = new Option(flags, `${help} ${source}`).helpGroup(`${group}:`);
  // A repeated map or list has one line for each use; of any other option the last use counts.
  if (['map', 'list', 'texts'].includes(notation.kind))
    option.argParser((line: string, before?: string) => (before ? `${before}\n${line}` : line));
  return option;
}

/** `(default: 8883; DPSLOAD_PORT)`, which ends the help of a setting. */
export function settingSource(name: SettingName): string {
  const { default: value, defaultText } = settingNamed(name);
  // The flag turns such a setting off; the variable states its value.
  const variable = value === true ? `${variableOf(name)}=false` : variableOf(name);
  return `(default: ${defaultText}; ${variable})`;
}

/** The options of every setting of a run that has a flag. */
export function settingOptions(): readonly Option[] {
  const isOfRun = (name: SettingName): boolean => !NOT_OF_A_RUN.includes(settingNamed(name).group);
  const names = SETTING_NAMES.filter((name) => settingNamed(name).flag !== null && isOfRun(name));
  return names.map((name) => settingOption(name));
}

/** The settings given on the command line, as text. @param fleet the argument FLEET.csv, if it is a setting */
export function givenFlags(command: Command, fleet?: string): Flags {
  const given = SETTING_NAMES.filter((name) => command.getOptionValueSource(name) === 'cli');
  const flags = Object.fromEntries(given.map((name) => [name, String(command.getOptionValue(name))]));
  return fleet === undefined ? flags : { ...flags, fleet };
}

export function scenarioOption(): Option {
  return new Option(
    '-s, --scenario <file>',
    `YAML file with settings, or @NAME of a bundled scenario (default: none; ${SCENARIO_VARIABLE})`,
  );
}

/** Options of the commands that execute a run. */
export function executionOptions(): readonly Option[] {
  return [
    new Option('--yes', 'do not ask before running without a quota or without the governor (default: ask)'),
    ...displayOptions(),
  ];
}

/** Options of the commands that show the results of a run. */
export function displayOptions(): readonly Option[] {
  return [jsonOption('summary.json'), quietOption(), noColorOption()];
}

/** @param file of the results, which is printed as it is */
export function jsonOption(file: string): Option {
  return new Option('--json', `print ${file} on stdout instead of the text summary (default: no)`);
}

export function quietOption(): Option {
  return new Option('--quiet', 'show no progress on stderr (default: no)');
}

export function noColorOption(): Option {
  return new Option('--no-color', 'print without colors (default: colors on a terminal; NO_COLOR)');
}

/** Collects the values of an option that may be repeated. */
export function appendValue(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** The value of a flag; `null` if it is absent, or invalid, which is added to `problems`. */
export function readFlag<Value>(
  flag: string,
  text: string | undefined,
  notation: Notation<Value>,
  problems: Problem[],
): Value | null {
  if (text === undefined) return null;
  const reading = notation.read(text);
  if ('value' in reading) return reading.value;
  problems.push(problem(`${flag} ${quoteValue(text)} ${reading.problem}`, notation.remedy));
  return null;
}

/** At most a hundred years, so that the year in a certificate keeps four digits. */
const DAYS = wholeNumberBetween(1, 36_500);
const KEY = choice(KEY_ALGORITHMS);
const KEY_DEFAULT: KeyAlgorithm = 'p256';

export type CertificateFlags = { readonly key: string; readonly days: string };

export function certificateOptions(daysDefault: number): readonly Option[] {
  return [
    new Option(`--key <${KEY.placeholder}>`, 'type of the new keys').default(KEY_DEFAULT),
    new Option('--days <n>', 'validity of the new certificates, in days').default(String(daysDefault)),
  ];
}

/** Invalid values are added to `problems`. */
export function readCertificateFlags(
  { key, days }: CertificateFlags,
  problems: Problem[],
): { readonly keyAlgorithm: KeyAlgorithm; readonly days: number } {
  return {
    keyAlgorithm: readFlag('--key', key, KEY, problems) ?? KEY_DEFAULT,
    days: readFlag('--days', days, DAYS, problems) ?? 0,
  };
}
