import { ALLOCATION_VERDICTS } from '../../allocation/allocation-verdict.ts';
import { similarWord } from '../../problem/similar-word.ts';
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
 * compound   = digits with "h", "m", "s" and "ms", in this order: 1h30m, as durations are written elsewhere
 * word       = { letter | digit | "_" | "." | "%" | "-" }
 */
const TOKEN = /\s*(?:([A-Za-z0-9_.%-]+)|"((?:[^"\\]|\\["\\])*)"|(<=|>=|==|!=|[<>()]))/y;

/** Six digits after the point: finer limits mean nothing, and more would need an exponent to print. */
const LIMIT = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|%)?$/;

const COMPOUND = /^(?:\d{1,9}h)?(?:\d{1,9}m(?!s))?(?:\d{1,9}s)?(?:\d{1,9}ms)?$/;
const COMPOUND_PART = /(\d+)(h|ms|m|s)/g;

const LIMIT_REMEDY: Readonly<Record<Quantity, string>> = {
  duration: 'Write a number with ms, s, m or h, such as 3s or 1h30m',
  share: 'Write a number with %, such as 0.1%',
  number: 'Write a plain number, such as 0 or 1.1',
  verdict: 'Write pass, inconclusive or fail',
};

/** Comparisons of words, which have no order that anybody would guess. */
const WORD_COMPARISONS: readonly (Comparator | undefined)[] = ['==', '!='];

/** Comparisons of which a value that grows can break: the other ones are only broken while it is still too small. */
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
  if (rest.kind !== 'end') throw tokens.error(rest, 'the threshold is complete here', 'Remove the rest');
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
      throw this.error(at, 'this cannot be understood', 'Write it like p95(service) < 3s; other names go in quotes');
    }
    this.#offset = TOKEN.lastIndex;
    const [, word, text, symbol = ''] = match;
    if (word !== undefined) return { kind: 'word', text: word, column };
    if (text !== undefined) return { kind: 'text', text: text.replace(/\\(.)/g, '$1'), column };
    return { kind: 'symbol', text: symbol, column };
  }

  /** The next token when it is `text`; else nothing is taken. */
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
  if (token.kind === 'end') return tokens.error(token, 'there is no threshold', 'Write one like p95(service) < 3s');
  const similar = similarWord(token.text, names);
  const remedy = similar === null ? `Write p50 to p100 or one of ${names.slice(1).join(', ')}` : `Write ${similar}`;
  return tokens.error(token, 'there is no such metric', remedy);
}

function readArgument(tokens: Tokens, { name, argument }: ThresholdMetric): string | null {
  const open = tokens.takeIf('(');
  if (argument === null) {
    if (open !== null) throw tokens.error(open, `${name} stands alone`, 'Remove the parentheses');
    return null;
  }
  if (open === null) {
    throw tokens.error(tokens.take(), `${name} needs a ${argument.noun}`, `Write ${name}(${argument.words[0]})`);
  }
  const token = tokens.take();
  const isText = token.kind === 'word' || token.kind === 'text';
  if (!isText || !argument.accepts(token.text)) throw wrongArgument(tokens, token, argument);
  if (tokens.takeIf(')') === null) throw tokens.error(tokens.take(), 'a parenthesis is open', 'Write )');
  return token.text;
}

function wrongArgument(tokens: Tokens, token: Token, { noun, words }: MetricArgument): ThresholdError {
  const similar = similarWord(token.text, words);
  const remedy = similar === null ? `Write ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : `Write ${similar}`;
  return tokens.error(token, `this is no ${noun}`, remedy);
}

function readComparison(tokens: Tokens, { quantity }: ThresholdMetric): Comparator {
  const token = tokens.take();
  const comparison = COMPARATORS.find((symbol) => token.kind === 'symbol' && symbol === token.text);
  const isWord = quantity === 'verdict';
  if (isWord && !WORD_COMPARISONS.includes(comparison))
    throw tokens.error(token, 'a verdict is a word', 'Write == or !=');
  if (comparison !== undefined) return comparison;
  throw tokens.error(token, 'a comparison is missing', 'Write <, <=, >, >=, == or !=');
}

function readLimit(tokens: Tokens, { name, quantity }: ThresholdMetric): Threshold['limit'] {
  const token = tokens.take();
  if (quantity === 'verdict') return readVerdict(tokens, token);
  const limit = token.kind === 'word' ? limitIn(token.text) : null;
  if (limit === null) throw noLimit(tokens, token, quantity);
  const { unit } = limit;
  if ((unit === null ? 'number' : UNITS[unit].quantity) !== quantity) {
    const noun = quantity === 'number' ? 'plain number' : quantity;
    throw tokens.error(token, `${name} is a ${noun}, and this is none`, LIMIT_REMEDY[quantity]);
  }
  return limit;
}

/** A compound is counted in its smallest unit: `1h30m` → 90 m. */
function limitIn(text: string): Threshold['limit'] | null {
  const [, digits, unit] = LIMIT.exec(text) ?? [];
  if (digits !== undefined) return { value: Number(digits), unit: (unit as Unit | undefined) ?? null };
  if (!COMPOUND.test(text)) return null;
  const parts = [...text.matchAll(COMPOUND_PART)].map(([, count, name]) => ({ count, unit: name as DurationUnit }));
  const smallest = parts.at(-1)?.unit ?? 'ms';
  const value = parts.reduce((sum, part) => sum + (Number(part.count) * UNITS[part.unit].ms) / UNITS[smallest].ms, 0);
  return { value, unit: smallest };
}

function noLimit(tokens: Tokens, token: Token, quantity: Quantity): ThresholdError {
  if (!/^\d/.test(token.text)) return tokens.error(token, 'a limit is missing', LIMIT_REMEDY[quantity]);
  const isLong = /^\d+(\.\d+)?(ms|s|m|h|%)?$/.test(token.text);
  if (!isLong) return tokens.error(token, 'this is no limit', LIMIT_REMEDY[quantity]);
  return tokens.error(token, 'this limit has too many digits', 'Write at most 12 before the point and 6 after it');
}

function readVerdict(tokens: Tokens, token: Token): Threshold['limit'] {
  const value = ALLOCATION_VERDICTS.findIndex((word) => token.kind === 'word' && word === token.text);
  if (value < 0) throw tokens.error(token, 'a verdict is missing', LIMIT_REMEDY.verdict);
  return { value, unit: null };
}

function readAbort(tokens: Tokens, { name, live }: ThresholdMetric, comparison: Comparator): boolean {
  const token = tokens.takeIf('abort');
  if (token === null) return false;
  const remedy = 'Leave abort away: the threshold is judged when the run has ended';
  if (live === null) throw tokens.error(token, `${name} is only known at the end`, remedy);
  if (!UPPER_BOUNDS.includes(comparison)) {
    throw tokens.error(token, `${comparison} can still come true while the run goes on`, remedy);
  }
  return true;
}

/** An expression that is no threshold. */
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

  /** The expression with a caret below the place, and what is wrong there. */
  get excerpt(): string {
    return `  ${this.expression}\n  ${' '.repeat(this.column - 1)}^ ${this.message}. ${this.remedy}.`;
  }
}

/** What can stand without quotes. */
const BARE_WORD = /^[A-Za-z0-9_.%-]+$/;

/** The expression that reads as `threshold`. */
export function printThreshold({ metric, argument, comparison, limit, abort }: Threshold): string {
  const call = argument === null ? metric : `${metric}(${printArgument(argument)})`;
  return `${call} ${comparison} ${printLimit(metric, limit)}${abort ? ' abort' : ''}`;
}

function printLimit(metric: string, { value, unit }: Threshold['limit']): string {
  if (metricNamed(metric)?.quantity === 'verdict') return ALLOCATION_VERDICTS[value] ?? '';
  return `${value}${unit ?? ''}`;
}

function printArgument(argument: string): string {
  return BARE_WORD.test(argument) ? argument : `"${argument.replace(/["\\]/g, '\\$&')}"`;
}
