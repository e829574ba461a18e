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

/** A heading of help. */
export type SettingGroup = 'Target' | 'Keys' | 'Fleet' | 'Load' | 'Each registration' | 'Allocation' | 'Run';

/** A setting as it is declared: what can be worked out from the rest is left away. */
export type SettingDeclaration<Value> = Omit<Setting<Value>, 'defaultText' | 'flag' | 'default'> & {
  readonly flag?: { readonly short: string | null } | null;
} & (
    | { readonly default: Value; readonly defaultText?: string }
    | { readonly default: null; readonly defaultText: string }
  );

export function setting<Value>(declaration: SettingDeclaration<Value>): Setting<Value> {
  const { default: value, defaultText = '', notation } = declaration;
  const shown = defaultText === '' && value !== null ? notation.show(value) : defaultText;
  return { flag: { short: null }, ...declaration, defaultText: shown };
}
