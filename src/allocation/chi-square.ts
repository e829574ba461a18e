/** Relative size below which a term no longer changes a sum. */
const PRECISION = 1e-16;

/** Limit of terms: the slowest sums need about the square root of some millions of degrees of freedom. */
const TERMS_MAX = 100_000;

/** Replaces a denominator of 0 (modified Lentz method). */
const TINY = 1e-300;

/** Halvings after which the ends of an interval are neighbouring doubles. */
const HALVINGS = 200;

/**
 * P(X > `value`) of a chi-square distributed X: the regularised upper incomplete gamma function Q(k / 2, x / 2), NIST DLMF
 * 8.2.4, by its series (8.7.1) below the mean and its continued fraction (8.9.2) above.
 */
export function chiSquareTail(value: number, degreesOfFreedom: number): number {
  if (value <= 0) return 1;
  if (value === Number.POSITIVE_INFINITY) return 0;
  const [a, x] = [degreesOfFreedom / 2, value / 2];
  return x < a + 1 ? 1 - lowerSeries(a, x) : upperFraction(a, x);
}

/** The value that a chi-square distributed variable exceeds with probability `tail`, 0 < tail < 1. */
export function chiSquareQuantile(tail: number, degreesOfFreedom: number): number {
  let [low, high] = [0, 1];
  while (chiSquareTail(high, degreesOfFreedom) > tail) high *= 2;
  for (let halving = 0; halving < HALVINGS && low < high; halving += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (chiSquareTail(middle, degreesOfFreedom) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(a, x) = x^a e^-x / Γ(a + 1) · Σ x^n / ((a + 1) … (a + n)) */
function lowerSeries(a: number, x: number): number {
  let [term, sum] = [1, 1];
  for (let n = 1; n < TERMS_MAX && term > sum * PRECISION; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a + 1));
}

/** Q(a, x) = x^a e^-x / Γ(a) · 1 / (x + 1 - a - 1·(1 - a) / (x + 3 - a - 2·(2 - a) / (x + 5 - a - …))), by the modified Lentz method. */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < TERMS_MAX; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / notZero(numerator * d + b);
    c = notZero(b + numerator / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < PRECISION * 2) break;
  }
  return fraction * Math.exp(a * Math.log(x) - x - logGamma(a));
}

function notZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** For multiples of 1/2, the only arguments here: Γ(1/2) = √π, Γ(1) = 1, Γ(a + 1) = a Γ(a). */
function logGamma(a: number): number {
  let [at, sum] = Number.isInteger(a) ? [1, 0] : [0.5, Math.log(Math.PI) / 2];
  for (; at < a; at += 1) sum += Math.log(at);
  return sum;
}

/** K. Pearson's test (Philosophical Magazine 50 (1900), 157–175); `pValue`: probability of counts at least this far off by chance alone. */
export type ChiSquareTest = { readonly statistic: number; readonly degreesOfFreedom: number; readonly pValue: number };

/** Tests counts against stated shares; `null` with fewer than two hubs with a share, or without devices. */
export function weightsTest(
  counts: ReadonlyMap<string, number>,
  shares: ReadonlyMap<string, number>,
): ChiSquareTest | null {
  const expected = [...shares].filter(([, share]) => share > 0);
  // A hub with share 0 has no expected count to compare with; the verdict covers it.
  const devices = expected.reduce((sum, [hub]) => sum + (counts.get(hub) ?? 0), 0);
  if (expected.length < 2 || devices === 0) return null;
  const statistic = expected.reduce((sum, [hub, share]) => {
    return sum + ((counts.get(hub) ?? 0) - devices * share) ** 2 / (devices * share);
  }, 0);
  return testOf(statistic, expected.length - 1);
}

/** Tests whether samples have the same shares; `null` with fewer than two samples or hubs. */
export function homogeneityTest(samples: readonly ReadonlyMap<string, number>[]): ChiSquareTest | null {
  const rows = samples.map((counts) => ({ counts, of: total(counts) })).filter(({ of }) => of > 0);
  const all = rows.reduce((sum, { of }) => sum + of, 0);
  const hubs = [...new Set(rows.flatMap(({ counts }) => [...counts.keys()]))]
    .map((hub) => ({ hub, count: rows.reduce((sum, { counts }) => sum + (counts.get(hub) ?? 0), 0) }))
    .filter(({ count }) => count > 0);
  if (rows.length < 2 || hubs.length < 2) return null;
  let statistic = 0;
  for (const { counts, of } of rows) {
    for (const { hub, count } of hubs) {
      const expected = (of * count) / all;
      statistic += ((counts.get(hub) ?? 0) - expected) ** 2 / expected;
    }
  }
  return testOf(statistic, (rows.length - 1) * (hubs.length - 1));
}

/** Combines tests of independent samples by adding statistics and degrees of freedom. */
export function sumOfTests(tests: readonly (ChiSquareTest | null)[]): ChiSquareTest | null {
  const known = tests.filter((test) => test !== null);
  if (known.length === 0) return null;
  const statistic = known.reduce((sum, test) => sum + test.statistic, 0);
  const degreesOfFreedom = known.reduce((sum, test) => sum + test.degreesOfFreedom, 0);
  return testOf(statistic, degreesOfFreedom);
}

function testOf(statistic: number, degreesOfFreedom: number): ChiSquareTest {
  return { statistic, degreesOfFreedom, pValue: chiSquareTail(statistic, degreesOfFreedom) };
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
