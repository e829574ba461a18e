import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATION_VERDICTS } from '../../../src/allocation/allocation-verdict.ts';
import { parseThreshold, printThreshold, ThresholdError } from '../../../src/metrics/threshold/parse-threshold.ts';
import { COMPARATORS, limitOf, type Threshold, UNITS, type Unit } from '../../../src/metrics/threshold/threshold.ts';
import { metricNamed, THRESHOLD_METRICS } from '../../../src/metrics/threshold/threshold-metrics.ts';

function errorOf(expression: string): ThresholdError {
  try {
    parseThreshold(expression);
  } catch (error) {
    if (error instanceof ThresholdError) return error;
    throw error;
  }
  throw new Error(`${expression} is a threshold`);
}

const percentile = fc.oneof(
  fc.constant('p100'),
  fc.integer({ min: 0, max: 99_999 }).map((thousandths) => `p${thousandths / 1000}`),
);
const metricName = fc.oneof(fc.constantFrom(...THRESHOLD_METRICS.map(({ name }) => name)), percentile);

const freeText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });

/** Any threshold that the language can say. */
const threshold: fc.Arbitrary<Threshold> = metricName.chain((name) => {
  const { argument, quantity, live } = metricNamed(name) ?? { argument: null, quantity: 'number', live: null };
  const units = (Object.keys(UNITS) as Unit[]).filter((unit) => UNITS[unit].quantity === quantity);
  const words = argument === null ? [] : argument.words.map((word) => word.replaceAll('"', ''));
  return fc.record({
    metric: fc.constant(name),
    argument:
      argument === null ? fc.constant(null) : argument.accepts('any text') ? freeText : fc.constantFrom(...words),
    comparison:
      quantity === 'verdict'
        ? fc.constantFrom('==' as const, '!=' as const)
        : live === null
          ? fc.constantFrom(...COMPARATORS)
          : fc.constantFrom('<', '<=', '=='),
    limit: fc.record({
      value:
        quantity === 'verdict'
          ? fc.integer({ min: 0, max: 2 })
          : fc.integer({ min: 0, max: 10 ** 12 }).map((millionths) => millionths / 10 ** 6),
      unit: units.length === 0 ? fc.constant(null) : fc.constantFrom(...units),
    }),
    abort: live === null ? fc.constant(false) : fc.boolean(),
  });
});

describe('the threshold language', () => {
  it('reads what it prints', () => {
    fc.assert(
      fc.property(threshold, (value) => {
        expect(parseThreshold(printThreshold(value))).toEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });

  it('prints what it reads, whatever the spaces', () => {
    const spaces = fc.constantFrom('', ' ', '   ', '\t');
    fc.assert(
      fc.property(threshold, fc.array(spaces, { minLength: 6, maxLength: 6 }), (value, [a, b, c, d, e, f]) => {
        const { metric, comparison, limit, abort } = value;
        const argument = value.argument === null ? '' : `(${a}${JSON.stringify(value.argument)}${b})`;
        fc.pre(!/\\[^"\\]/.test(argument));
        const isVerdict = metricNamed(metric)?.quantity === 'verdict';
        const bound = isVerdict ? ALLOCATION_VERDICTS[limit.value] : `${limit.value}${limit.unit ?? ''}`;
        const loose = `${c}${metric}${argument}${d}${comparison}${e}${bound}${abort ? ' abort' : ''}${f}`;
        expect(printThreshold(parseThreshold(loose))).toBe(printThreshold(value));
      }),
    );
  });

  it.each([
    ['1h30m', '90m', 5_400_000],
    ['2m5s', '125s', 125_000],
    ['1s500ms', '1500ms', 1_500],
    ['1h1ms', '3600001ms', 3_600_001],
  ])('takes %s as durations are written elsewhere, and prints %s', (text, printed, limitMs) => {
    const read = parseThreshold(`p95(service) < ${text}`);
    expect([limitOf(read), printThreshold(read)]).toEqual([limitMs, `p95(service) < ${printed}`]);
  });

  it('answers every text with a threshold or with a place in it', () => {
    const pieces = fc.constantFrom(
      'p95',
      '(',
      'service',
      ')',
      '<',
      '==',
      '3s',
      '0.1%',
      'abort',
      '"',
      '\\',
      ' ',
      'é',
      '$',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((parts) => parts.join('')),
          fc.string(),
        ),
        (text) => {
          try {
            parseThreshold(text);
          } catch (error) {
            if (!(error instanceof ThresholdError)) throw error;
            expect(error.column).toBeGreaterThanOrEqual(1);
            expect(error.column).toBeLessThanOrEqual(text.length + 1);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['p95(service) < 3s', 3_000],
    ['p99.9(response)<=250ms', 250],
    ['time_to(99%) < 12m', 720_000],
    ['max(waited) < 0.5h', 1_800_000],
    ['rate(failed) < 0.1%', 0.001],
    ['hub_share("a…") > 45%', 0.45],
    ['hub_share("hub-a.azure-devices.net") >= 33.3%', 0.333],
    ['count(failed) == 0', 0],
    ['throttles == 0 abort', 0],
    ['registers_per_device < 1.1', 1.1],
    ['errors(401000) != 7', 7],
  ])('knows the limit of %s', (expression, limit) => {
    expect(limitOf(parseThreshold(expression))).toBe(limit);
  });

  it.each([
    ['', 1, 'no threshold given', 'Write one such as p95(service) < 3s'],
    ['   ', 1, 'no threshold given', 'Write one such as p95(service) < 3s'],
    ['servce < 3s', 1, 'unknown metric', 'Write p50 to p100 or one of min, mean,'],
    ['p101(service) < 3s', 1, 'unknown metric', 'Write p50 to p100 or one of min, mean,'],
    ['  "p95"(service) < 3s', 3, 'unknown metric', 'Write p95'],
    ['p95 < 3s', 5, 'missing time after p95', 'Write p95(response)'],
    ['p95(servce) < 3s', 5, 'not a valid time', 'Write service'],
    ['rate(not-started) < 3%', 6, 'not a valid result', 'Write failed, assigned, disabled,'],
    ['time_to(101%) < 3m', 9, 'not a valid share', 'Write 100%'],
    ['p95(service < 3s', 13, 'missing closing parenthesis', 'Write )'],
    ['throttles() == 0', 10, 'throttles takes no argument', 'Remove the parentheses'],
    ['p95(service) 3s', 14, 'missing comparison', 'Write <, <=, >, >=, == or !='],
    ['p95(service) =< 3s', 14, 'unexpected text', 'put other names in quotes'],
    ['throttles < 12345678901234567890', 13, 'too many digits', 'Write at most 12 digits before the point and 6'],
    ['p95(service) < 30m1h', 16, 'not a valid limit', 'Write a number with ms, s, m or h, such as 3s'],
    ['p95(service) < 1h30', 16, 'not a valid limit', 'Write a number with ms, s, m or h, such as 3s'],
    ['rate(failed) < 1h30m', 16, 'rate needs a share', 'Write a number with %, such as 0.1%'],
    ['p95(service) <', 15, 'missing limit', 'Write a number with ms, s, m or h, such as 3s'],
    ['p95(service) < abort', 16, 'missing limit', 'Write a number with ms, s, m or h, such as 3s'],
    ['p95(service) < 3', 16, 'p95 needs a duration', 'Write a number with ms, s, m or h, such as 3s'],
    ['rate(failed) < 0.001', 16, 'rate needs a share', 'Write a number with %, such as 0.1%'],
    ['throttles < 3s', 13, 'throttles needs a plain number', 'Write a plain number, such as 0 or 1.1'],
    ['throttles < 1 1', 15, 'unexpected text after the threshold', 'Remove it'],
    ['hub_share("a) > 1%', 11, 'unexpected text', 'put other names in quotes'],
    ['hub_share("a") > 1% abort', 21, 'hub_share is known only at the end', 'Remove abort'],
    ['count(assigned) > 5 abort', 21, 'a threshold with > can still be met while the run continues', 'Remove abort'],
  ])('refuses %j at column %i', (expression, column, message, remedy) => {
    const error = errorOf(expression);
    expect([error.column, error.message]).toEqual([column, message]);
    expect(error.excerpt.split('\n')[1]?.indexOf('^')).toBe(column + 1);
    expect(error.remedy).toContain(remedy);
  });

  it('proposes the word that was probably meant', () => {
    expect(errorOf('p95(servce) < 3s').remedy).toBe('Write service');
    expect(errorOf('throtles == 0').remedy).toBe('Write throttles');
  });
});
