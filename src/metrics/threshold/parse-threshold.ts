import { ALLOCATION_VERDICTS } from '../../allocation/allocation-verdict.ts';
import { similarWord } from '../../problem/similar-word.ts';
import { parseDuration } from '../../time/duration.ts';
import {
  COMPARATORS,
  type Comparator,
  type DurationUnit,
  type Quantity,
  type Threshold,
  UNITS,
  type Unit,
} from './threshold.ts';
import { type MetricArgument, metricNamed, THRESHOLD_METRICS, type ThresholdMetric } from './threshold-metrics.ts';

/*
 * threshold  = metric [ "(" argument ")" ] comparison limit [ "abort" ]
 * argument   = word | '"' { any character, \" or \\ } '"'
 * comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
 * limit      = digits [ "." digits ] [ "ms" | "s" | "m" | "h" | "%" ] | compound | "pass" | "inconclusive" | "fail"
 * compound   = digits with "h", "m", "s" and "ms", in this order: 1h30m, like all other durations
 * word       = { letter | digit | "_" | "." | "%" | "-" }
 */
const TOKEN = /\s*(?:([A-Za-z0-9_.%-]+)|"((?:[^"\\]|\\["\\])*)"|(<=|>=|==|!=|[<>()]))/y;

/** Six digits after the point: finer limits have no meaning, and more would be printed with an exponent. */
const LIMIT = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|%)?$/;

const LIMIT_REMEDY: Readonly<Record<Quantity, string>> = {
  duration: 'Write a number with ms, s, m or h, such as 3s or 1h30m',
  share: 'Write a number with %, such as 0.1%',
  number: 'Write a plain number, such as 0 or 1.1',
  verdict: 'Write pass, inconclusive or fail',
};

/** Comparisons of verdicts, whose order is not obvious. */
const WORD_COMPARISONS: readonly (Comparator | undefined)[] = ['==', '!='];

/** Comparisons that a growing value can break for good; the others fail only while it is too small. */
const UPPER_BOUNDS: readonly Comparator[] = ['<', '<=', '=='];

type Token = { readonly kind: 'word' | 'text' | 'symbol' | 'end'; readonly text: string; readonly column: number };

/** @throws ThresholdError */
export function parseThreshold(expression: string): Threshold {
  const tokens = new Tokens(expression);
  const name = tokens.take();
  const metric = name.kind === 'word' ? metricNamed(name.text) : null;
  if (metric === null) throw unknownMetric(tokens, name);
  const argument = readArgument(tokens, metric);
  const comparison = readComparison(tokens, metric);
  const limit = readLimit(tokens, metric);
  const abort = readAbort(tokens, metric, comparison);
  const rest = tokens.take();
  if (rest.kind !== 'end') throw tokens.error(rest, 'unexpected text after the threshold', 'Remove it');
  return { metric: metric.name, argument, comparison, limit, abort };
}

class Tokens {
  readonly #expression: string;
  #offset = 0;

  constructor(expression: string) {
    this.#expression = expression;
  }

  take(): Token {
    const rest = this.#expression.slice(this.#offset);
    const column = this.#offset + rest.length - rest.trimStart().length + 1;
    if (rest.trim() === '') return { kind: 'end', text: '', column: this.#expression.trimEnd().length + 1 };
    TOKEN.lastIndex = this.#offset;
    const match = TOKEN.exec(this.#expression);
    if (match === null) {
      const at = { kind: 'symbol', text: '', column } as const;
      throw this.error(at, 'unexpected text', 'Follow the form p95(service) < 3s and put other names in quotes');
    }
    this.#offset = TOKEN.lastIndex;
    const [, word, text, symbol = ''] = match;
    if (word !== undefined) return { kind: 'word', text: word, column };
    if (text !== undefined) return { kind: 'text', text: text.replace(/\\(.)/g, '$1'), column };
    return { kind: 'symbol', text: symbol, column };
  }

  /** Takes the next token if it is `text`. */
  takeIf(text: string): Token | null {
    const before = this.#offset;
    const token = this.take();
    if (token.kind !== 'text' && token.text === text) return token;
    this.#offset = before;
    return null;
  }

  error({ column }: Token, message: string, remedy: string): ThresholdError {
    return new ThresholdError(this.#expression, column, message, remedy);
  }
}

function unknownMetric(tokens: Tokens, token: Token): ThresholdError {
  const names = THRESHOLD_METRICS.map(({ name }) => name);
  if (token.kind === 'end') return tokens.error(token, 'no threshold given', 'Write one such as p95(service) < 3s');
  const similar = similarWord(token.text, names);
  const remedy = similar === null ? `Write p50 to p100 or one of ${names.slice(1).join(', ')}` : `Write ${similar}`;
  return tokens.error(token, 'unknown metric', remedy);
}

function readArgument(tokens: Tokens, { name, argument }: ThresholdMetric): string | null {
  const open = tokens.takeIf('(');
  if (argument === null) {
    if (open !== null) throw tokens.error(open, `${name} takes no argument`, 'Remove the parentheses');
    return null;
  }
  if (open === null) {
    throw tokens.error(tokens.take(), `missing ${argument.noun} after ${name}`, `Write ${name}(${argument.words[0]})`);
  }
  const token = tokens.take();
  const isText = token.kind === 'word' || token.kind === 'text';
  if (!isText || !argument.accepts(token.text)) throw wrongArgument(tokens, token, argument);
  if (tokens.takeIf(')') === null) throw tokens.error(tokens.take(), 'missing closing parenthesis', 'Write )');
  return token.text;
}

function wrongArgument(tokens: Tokens, token: Token, { noun, words }: MetricArgument): ThresholdError {
  const similar = similarWord(token.text, words);
  const remedy = similar === null ? `Write ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : `Write ${similar}`;
  return tokens.error(token, `not a valid ${noun}`, remedy);
}

function readComparison(tokens: Tokens, { quantity }: ThresholdMetric): Comparator {
  const token = tokens.take();
  const comparison = COMPARATORS.find((symbol) => token.kind === 'symbol' && symbol === token.text);
  const isWord = quantity === 'verdict';
  if (isWord && !WORD_COMPARISONS.includes(comparison))
    throw tokens.error(token, 'verdicts have no order', 'Write == or !=');
  if (comparison !== undefined) return comparison;
  throw tokens.error(token, 'missing comparison', 'Write <, <=, >, >=, == or !=');
}

function readLimit(tokens: Tokens, { name, quantity }: ThresholdMetric): Threshold['limit'] {
  const token = tokens.take();
  if (quantity === 'verdict') return readVerdict(tokens, token);
  const limit = token.kind === 'word' ? limitIn(token.text) : null;
  if (limit === null) throw noLimit(tokens, token, quantity);
  if ((limit.unit === null ? 'number' : UNITS[limit.unit].quantity) !== quantity) {
    const noun = quantity === 'number' ? 'plain number' : quantity;
    throw tokens.error(token, `${name} needs a ${noun}`, LIMIT_REMEDY[quantity]);
  }
  return limit;
}

/** A compound is counted in its smallest unit: `1h30m` → 90 m. */
function limitIn(text: string): Threshold['limit'] | null {
  const [, digits, unit] = LIMIT.exec(text) ?? [];
  if (digits !== undefined) return { value: Number(digits), unit: (unit as Unit | undefined) ?? null };
  const durationMs = parseDuration(text);
  if (durationMs === null) return null;
  const smallest = (/[a-z]+$/.exec(text)?.[0] ?? 'ms') as DurationUnit;
  return { value: durationMs / UNITS[smallest].ms, unit: smallest };
}

function noLimit(tokens: Tokens, token: Token, quantity: Quantity): ThresholdError {
  if (!/^\d/.test(token.text)) return tokens.error(token, 'missing limit', LIMIT_REMEDY[quantity]);
  const isLong = /^\d+(\.\d+)?(ms|s|m|h|%)?$/.test(token.text);
  if (!isLong) return tokens.error(token, 'not a valid limit', LIMIT_REMEDY[quantity]);
  return tokens.error(token, 'too many digits', 'Write at most 12 digits before the point and 6 after it');
}

function readVerdict(tokens: Tokens, token: Token): Threshold['limit'] {
  const value = ALLOCATION_VERDICTS.findIndex((word) => token.kind === 'word' && word === token.text);
  if (value < 0) throw tokens.error(token, 'missing verdict', LIMIT_REMEDY.verdict);
  return { value, unit: null };
}

function readAbort(tokens: Tokens, { name, live }: ThresholdMetric, comparison: Comparator): boolean {
  const token = tokens.takeIf('abort');
  if (token === null) return false;
  const remedy = 'Remove abort: the threshold is judged at the end of the run';
  if (live === null) throw tokens.error(token, `${name} is known only at the end`, remedy);
  if (!UPPER_BOUNDS.includes(comparison)) {
    throw tokens.error(token, `a threshold with ${comparison} can still be met while the run continues`, remedy);
  }
  return true;
}

/** An invalid threshold expression. */
export class ThresholdError extends Error {
  override readonly name = 'ThresholdError';
  readonly expression: string;
  /** 1-based. */
  readonly column: number;
  /** An imperative sentence without a full stop. */
  readonly remedy: string;

  constructor(expression: string, column: number, message: string, remedy: string) {
    super(message);
    this.expression = expression;
    this.column = column;
    this.remedy = remedy;
  }

  /** The expression, a caret below the error, and the message with its remedy. */
  get excerpt(): string {
    return `  ${this.expression}\n  ${' '.repeat(this.column - 1)}^ ${this.message}. ${this.remedy}.`;
  }
}

/** Arguments that need no quotes. */
const BARE_WORD = /^[A-Za-z0-9_.%-]+$/;

/** The inverse of `parseThreshold`. */
export function printThreshold({ metric, argument, comparison, limit, abort }: Threshold): string {
  const call = argument === null ? metric : `${metric}(${printArgument(argument)})`;
  const isVerdict = metricNamed(metric)?.quantity === 'verdict';
  const printed = isVerdict ? ALLOCATION_VERDICTS[limit.value] : `${limit.value}${limit.unit ?? ''}`;
  return `${call} ${comparison} ${printed}${abort ? ' abort' : ''}`;
}

function printArgument(argument: string): string {
  return BARE_WORD.test(argument) ? argument : `"${argument.replace(/["\\]/g, '\\$&')}"`;
}
