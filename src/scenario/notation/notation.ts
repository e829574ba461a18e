import { isIP } from 'node:net';
import { isSecret } from '../../dps/device-key.ts';
import { idScopeProblem } from '../../dps/endpoint.ts';
import { ID_IN_PATTERN } from '../../fleet/certificate-files.ts';

/** A value, or why there is none: the end of a sentence that begins with the text in quotes. */
export type Reading<Value> =
  | { readonly value: Value }
  /** `excerpt`: lines that point at the mistakes. `isSecret`: the text must not be quoted. */
  | { readonly problem: string; readonly excerpt?: string; readonly isSecret?: true };

/** How the operator writes a value; the same in flags, environment and scenario. */
export type Notation<Value> = {
  /** Stands for the value in help. */
  readonly placeholder: string;
  /**
   * `file`: a path, relative to the folder of the scenario that names it. `map`: a mapping in a scenario, otherwise lines `name=value`. `list`: a list
   * of texts or thresholds in a scenario, otherwise lines. `texts`: likewise, without thresholds. `stages`: in a scenario also a list of mappings. `hubs`: in a scenario one hub, a list of hubs, or a mapping of hubs to
   * weights. `hubs-by-name`: a mapping of names to these.
   */
  readonly kind: 'value' | 'file' | 'map' | 'list' | 'texts' | 'stages' | 'hubs' | 'hubs-by-name';
  /** The forms that are allowed, an imperative sentence without a full stop. */
  readonly remedy: string;
  read(text: string): Reading<Value>;
  /** A text that reads as `value`. */
  show(value: Value): string;
  /** For values that add up: adds those of a stronger source. Without it, the strongest source decides alone. */
  merge?(weaker: Value, stronger: Value): Value;
};

type Grammar<Value> = Pick<Notation<Value>, 'placeholder' | 'remedy'> &
  Partial<Pick<Notation<Value>, 'kind' | 'show'>> & {
    /** Completes the sentence "is not …". */
    readonly noun: string;
    /** Returns `null` for a text that it cannot read. */
    readonly parse: (text: string) => Value | null;
  };

/** A notation whose every mistake is "is not …". */
export function notation<Value>({ noun, parse, ...rest }: Grammar<Value>): Notation<Value> {
  const read = (text: string): Reading<Value> => {
    const value = parse(text);
    return value === null ? { problem: `is not ${noun}` } : { value };
  };
  return { kind: 'value', show: String, ...rest, read };
}

const ONE_LINE = /^[^\r\n\0]+$/;

export const TEXT = notation({
  placeholder: 'text',
  noun: 'a single line of text',
  remedy: 'Write at least one character, on one line',
  parse: (text) => (ONE_LINE.test(text) ? text : null),
});

export const FILE: Notation<string> = {
  placeholder: 'file',
  kind: 'file',
  remedy: 'Write a path; keep keys and certificates in their own files',
  read(text) {
    if (isSecret(text)) return { problem: 'is a secret, not the name of a file' };
    return ONE_LINE.test(text) ? { value: text } : { problem: 'is not a path' };
  },
  show: String,
};

export const FILE_PATTERN = notation({
  placeholder: 'pattern',
  noun: `a file name that contains ${ID_IN_PATTERN}`,
  remedy: `Write a file name in which ${ID_IN_PATTERN} stands for the device's ID, for example ${ID_IN_PATTERN}.pem`,
  parse: (text) => (ONE_LINE.test(text) && text.includes(ID_IN_PATTERN) ? text : null),
});

export const FOLDER: Notation<string> = { ...FILE, placeholder: 'folder' };

export const YES_NO = notation({
  placeholder: 'yes|no',
  noun: 'true or false',
  remedy: 'Write true or false',
  parse: (text) => {
    if (['true', '1', 'yes'].includes(text.toLowerCase())) return true;
    return ['false', '0', 'no'].includes(text.toLowerCase()) ? false : null;
  },
});

export function choice<const Word extends string>(words: readonly Word[]): Notation<Word> {
  const noun = words.join(', ').replace(/, (?=[^,]*$)/, ' or ');
  const parse = (text: string): Word | null => words.find((word) => word === text) ?? null;
  return notation({ placeholder: words.join('|'), noun, remedy: `Write ${noun}`, parse });
}

export const HOST = notation({
  placeholder: 'host',
  noun: 'a host name',
  remedy:
    'Write only the host name or address, for example global.azure-devices-provisioning.net; give a port with --port',
  parse: (text) =>
    isIP(text) !== 0 || /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) ? text : null,
});

export const ID_SCOPE: Notation<string> = {
  placeholder: 'scope',
  kind: 'value',
  remedy: 'Copy the whole ID scope again',
  read(text) {
    const problem = idScopeProblem(text);
    return problem === null ? { value: text } : { problem };
  },
  show: String,
};

export const API_VERSION = notation({
  placeholder: 'version',
  noun: 'an api-version',
  remedy: "Write a date in the service's format, for example 2021-06-01 or 2025-07-01-preview",
  parse: (text) => (/^\d{4}-\d{2}-\d{2}(?:-preview)?$/.test(text) ? text : null),
});

export const VARIABLE = notation({
  placeholder: 'name',
  noun: 'the name of an environment variable',
  remedy: 'Write the name of the variable that holds the key, for example LINE_A_KEY; never write the key itself here',
  parse: (text) => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !isSecret(text) ? text : null),
});

export const DELIMITER = notation({
  placeholder: 'character',
  noun: 'a delimiter',
  remedy: 'Write one character other than a letter, digit, quote or line break, or the word tab',
  parse: (text) => {
    if (text === 'tab' || text === '\\t') return '\t';
    return /^[\t\x20-\x7e]$/.test(text) && !/[A-Za-z0-9"]/.test(text) ? text : null;
  },
  show: (delimiter) => (delimiter === '\t' ? 'tab' : delimiter),
});

/** Accepts decimal digits only; `null` for anything else, and for numbers too large to be exact. */
export function parseWholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : null;
  return Number.isSafeInteger(value) ? value : null;
}

/** A whole number between two limits, both included. */
export function wholeNumberBetween(min: number, max: number): Notation<number> {
  const noun = `a whole number from ${min} to ${max}`;
  return notation({
    placeholder: 'n',
    noun,
    remedy: `Write ${noun}, digits only`,
    parse: (text) => {
      const value = parseWholeNumber(text);
      return value !== null && value >= min && value <= max ? value : null;
    },
  });
}

/** The same, or one word. */
export function wholeNumberOr<const Word extends string>(
  word: Word,
  min: number,
  max: number,
): Notation<number | Word> {
  const number = wholeNumberBetween(min, max);
  return {
    ...number,
    placeholder: `${number.placeholder}|${word}`,
    remedy: `${number.remedy}, or ${word}`,
    read: (text) => (text === word ? { value: word } : number.read(text)),
    show: String,
  };
}

/** A share of 1, written as a percentage: `75%` → 0.75. */
function percentage(noun: string, example: string, isAllowed: (share: number) => boolean): Notation<number> {
  return notation({
    placeholder: 'percent',
    noun,
    remedy: `Write a number with a percent sign, for example ${example}`,
    parse: (text) => {
      const match = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
      const share = match === null ? null : Number(match[1]) / 100;
      return share !== null && share <= 1 && isAllowed(share) ? share : null;
    },
    show: (share) => `${Number((share * 100).toFixed(6))}%`,
  });
}

export const PERCENTAGE = percentage('a percentage above 0%, up to 100%', '75%', (share) => share > 0);

export const PERCENTAGE_OR_ZERO = percentage('a percentage from 0% to 100%', '25%', () => true);
