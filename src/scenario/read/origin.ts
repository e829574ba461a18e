import type { Problem } from '../../problem/operator-error.ts';

/** Where the value of a setting comes from, weakest first. */
export const SOURCES = ['default', 'scenario', 'environment', 'flag'] as const;

export type SettingSource = (typeof SOURCES)[number];

export type Origin = {
  readonly source: SettingSource;
  /** As the operator wrote it there: `--rate`, `DPSLOAD_RATE`, `load.rate`; for a default, the reason. */
  readonly name: string;
  /** Scenario file with line and column, 1-based; `null` for all other sources. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
};

/** A text that was given for a setting. */
export type Given = {
  readonly text: string;
  /** The text as a message shows it: a single value before environment variables were substituted, a collection after. */
  readonly written: string;
  readonly origin: Origin;
};

export function originOf(source: Exclude<SettingSource, 'scenario'>, name: string): Origin {
  return { source, name, file: null, line: null, column: null };
}

/** `--rate`, `DPSLOAD_RATE`, `load.rate (storm.yaml:7:9)`. */
export function describeOrigin({ name, file, line, column }: Origin): string {
  return file === null ? name : `${name} (${file}:${line}:${column})`;
}

/** A problem with what was given at `origin`. */
export function problemAt({ file, line, column }: Origin, message: string, remedy: string): Problem {
  return { file, line, column, message, remedy };
}
