import { isIP } from 'node:net';
import { isSecret } from '../../dps/device-key.ts';
import { idScopeProblem } from '../../dps/endpoint.ts';
import { ID_IN_PATTERN } from '../../fleet/certificate-files.ts';

/** What was read, or why it could not be: the end of a sentence that begins with the text in quotes. */
export type Reading<Value> =
  | { readonly value: Value }
  /** `excerpt`: lines that show the places of what is wrong. */
  | { readonly problem: string; readonly excerpt?: string };

/** How a value is written by the operator; the same in flags, environment and scenario. */
export type Notation<Value> = {
  /** Stands for the value in help. */
  readonly placeholder: string;
  /**
   * `file`: a path, relative to the folder of the scenario that names it. `map`: in a scenario a mapping, else `name=value` lines. `list`: in a
   * scenario a list, else lines. `stages`: in a scenario also a list of mappings. `hubs`: in a scenario one hub, a list of hubs, or a mapping of hubs to weights;
   * `hubs-by-name`: a mapping of names to these.
   */
  readonly kind: 'value' | 'file' | 'map' | 'list' | 'stages' | 'hubs' | 'hubs-by-name';
  /** Which forms are allowed, an imperative sentence without a full stop. */
  readonly remedy: string;
  read(text: string): Reading<Value>;
  /** The text that reads as `value`. */
  show(value: Value): string;
};

/** A notation of one value out of a function that returns `null` for what it cannot read. */
export function notation<Value>(
  placeholder: string,
  noun: string,
  remedy: string,
  parse: (text: string) => Value | null,
  show: (value: Value) => string = String,
): Notation<Value> {
  const read = (text: string): Reading<Value> => {
    const value = parse(text);
    return value === null ? { problem: `is not ${noun}` } : { value };
  };
  return { placeholder, kind: 'value', remedy, read, show };
}

export const TEXT = notation('text', 'text of one line', 'Write at least one character, on one line', (text) =>
  /^[^\r\n\0]+$/.test(text) ? text : null,
);

export const FILE: Notation<string> = {
  placeholder: 'file',
  kind: 'file',
  remedy: 'Write a path; keys and certificates are in files of their own',
  read(text) {
    if (isSecret(text)) return { problem: 'is a secret, not the name of a file' };
    return /^[^\r\n\0]+$/.test(text) ? { value: text } : { problem: 'is not a path' };
  },
  show: String,
};

export const FILE_PATTERN = notation(
  'pattern',
  `the name of a file with ${ID_IN_PATTERN} in it`,
  `Write a name in which ${ID_IN_PATTERN} stands for the device's, for example ${ID_IN_PATTERN}.pem`,
  (text) => (/^[^\r\n\0]+$/.test(text) && text.includes(ID_IN_PATTERN) ? text : null),
);

export const FOLDER: Notation<string> = { ...FILE, placeholder: 'folder' };

export const YES_NO = notation('yes|no', 'true or false', 'Write true or false', (text) => {
  if (['true', '1', 'yes'].includes(text.toLowerCase())) return true;
  return ['false', '0', 'no'].includes(text.toLowerCase()) ? false : null;
});

export function choice<Word extends string>(words: readonly Word[]): Notation<Word> {
  const list = words.join(' or ');
  return notation(words.join('|'), list, `Write ${list}`, (text) => words.find((word) => word === text) ?? null);
}

export const HOST = notation(
  'host',
  'a host name',
  'Write the host name or address alone, for example global.azure-devices-provisioning.net; a port goes into --port',
  (text) =>
    isIP(text) !== 0 || /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) ? text : null,
);

export const ID_SCOPE: Notation<string> = {
  placeholder: 'scope',
  kind: 'value',
  remedy: 'Copy it again, whole',
  read(text) {
    const problem = idScopeProblem(text);
    return problem === null ? { value: text } : { problem };
  },
  show: String,
};

export const API_VERSION = notation(
  'version',
  'an api-version',
  'Write a date as the service does, for example 2021-06-01 or 2025-07-01-preview',
  (text) => (/^\d{4}-\d{2}-\d{2}(?:-preview)?$/.test(text) ? text : null),
);

export const VARIABLE = notation(
  'name',
  'the name of an environment variable',
  'Write the name of the variable that holds the key, for example LINE_A_KEY; the key itself is never written here',
  (text) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !isSecret(text) ? text : null),
);

export const DELIMITER = notation(
  'character',
  'a delimiter',
  'Write one character that is no letter, digit, quote or line break, or the word tab',
  (text) => {
    if (text === 'tab' || text === '\\t') return '\t';
    return /^[\t\x20-\x7e]$/.test(text) && !/[A-Za-z0-9"]/.test(text) ? text : null;
  },
  (delimiter) => (delimiter === '\t' ? 'tab' : delimiter),
);

/** Decimal digits alone; `null` for anything else, and for what is too large to be exact. */
export function parseWholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : null;
  return Number.isSafeInteger(value) ? value : null;
}

/** A whole number between two limits, both included. */
export function wholeNumberBetween(min: number, max: number): Notation<number> {
  const range = `from ${min} to ${max}`;
  return notation('n', `a whole number ${range}`, `Write a whole number ${range}, digits only`, (text) => {
    const value = parseWholeNumber(text);
    return value !== null && value >= min && value <= max ? value : null;
  });
}

/** A share above 0, up to the whole, written as a percentage: `75%` → 0.75. */
export const PERCENTAGE: Notation<number> = notation(
  'percent',
  'a percentage above 0%, up to 100%',
  'Write a number with a percent sign, for example 75%',
  (text) => {
    const match = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
    const share = match === null ? 0 : Number(match[1]) / 100;
    return share > 0 && share <= 1 ? share : null;
  },
  (share) => `${Number((share * 100).toFixed(6))}%`,
);
