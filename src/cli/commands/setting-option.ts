import { type Command, Option } from 'commander';
import { YES_NO } from '../../scenario/notation/notation.ts';
import type { Flags } from '../../scenario/read/gather-settings.ts';
import {
  longFlag,
  SETTING_NAMES,
  type SettingName,
  settingNamed,
  variableOf,
} from '../../scenario/settings/settings.ts';

/** The option of a setting; its help ends with `source`: what holds without it. Its text is read later. */
export function settingOption(name: SettingName, source: string = settingSource(name)): Option {
  const { flag, notation, help, group } = settingNamed(name);
  const short = flag?.short ?? null;
  const isSwitch = notation === YES_NO;
  const flags = `${short === null ? '' : `-${short}, `}${longFlag(name)}${isSwitch ? '' : ` <${notation.placeholder}>`}`;
  const option = new Option(flags, `${help} ${source}`).helpGroup(`${group}:`);
  // Given several times, a map or list has a line for each; of all others the last one counts.
  if (notation.kind === 'map' || notation.kind === 'list')
    option.argParser((line, before?: string) => (before ? `${before}\n${line}` : line));
  return option;
}

/** `(default: 8883; DPSLOAD_PORT)`, as help ends the description of a setting. */
export function settingSource(name: SettingName): string {
  const { default: value, defaultText } = settingNamed(name);
  // The flag of such a setting switches it off, the variable says what it is.
  const variable = value === true ? `${variableOf(name)}=false` : variableOf(name);
  return `(default: ${defaultText}; ${variable})`;
}

/** The texts of the settings that were given on the command line. */
export function givenFlags(command: Command): Flags {
  const given = SETTING_NAMES.filter((name) => command.getOptionValueSource(name) === 'cli');
  return Object.fromEntries(given.map((name) => [name, String(command.getOptionValue(name))]));
}
