import type { Notation } from '../notation/notation.ts';

/** One value that the operator can give: as a flag, in the environment, or in a scenario. */
export type Setting<Value> = {
  /** Path in a scenario, joined with dots. */
  readonly key: string;
  /** `null`: no flag, only environment and scenario. */
  readonly flag: { readonly short: string | null } | null;
  readonly notation: Notation<Value>;
  /** `null` = none, or computed from other settings. */
  readonly default: Value | null;
  /** The default as help shows it. */
  readonly defaultText: string;
  /** Why that is the default. */
  readonly reason: string;
  readonly help: string;
  readonly group: SettingGroup;
};

/** A heading in help. */
export type SettingGroup =
  | 'Target'
  | 'Keys'
  | 'Fleet'
  | 'Load'
  | 'Agents'
  | 'Each registration'
  | 'Allocation'
  | 'Run'
  | 'Service API'
  | 'Enrollment';

/** Headings of settings that a run does not use. */
export const NOT_OF_A_RUN: readonly SettingGroup[] = ['Service API', 'Enrollment'];

type UngroupedSetting<Value> = Omit<Setting<Value>, 'group'>;

/** Without `flag`, the setting has a long flag only; without `defaultText`, help shows `default`, "no" or "none". */
type Declaration<Value> = Pick<Setting<Value>, 'help' | 'reason'> &
  Partial<Pick<Setting<Value>, 'flag' | 'defaultText'>> & { readonly default?: NoInfer<Value> };

export function setting<Value>(
  key: string,
  notation: Notation<Value>,
  { default: value, flag = { short: null }, defaultText, ...texts }: Declaration<Value>,
): UngroupedSetting<Value> {
  const shown = value === undefined ? 'none' : value === false ? 'no' : notation.show(value);
  return { key, notation, flag, default: value ?? null, defaultText: defaultText ?? shown, ...texts };
}

/** A setting that only the environment and a scenario can give. */
export function unflagged<Value>(
  key: string,
  notation: Notation<Value>,
  declaration: Declaration<Value>,
): UngroupedSetting<Value> {
  return setting(key, notation, { ...declaration, flag: null });
}

/** Puts settings under one heading in help. */
export function inGroup<Table extends Readonly<Record<string, UngroupedSetting<unknown>>>>(
  group: SettingGroup,
  table: Table,
): { readonly [Name in keyof Table]: Table[Name] & { readonly group: SettingGroup } } {
  const grouped = Object.entries(table).map(([name, one]) => [name, { ...one, group }]);
  return Object.fromEntries(grouped);
}
