/** A count from `least` to `most`. */
export type CountRange = { readonly least: number; readonly most: number };

/** One of the categories that objects fall into, with the range that their count should be in. */
type Category = CountRange & { readonly share: number };

/** Counts further from their mean than this many standard deviations are left out: one in 10^12. */
const DEVIATIONS_MAX = 7;

/** Counts are summed up in bins of this part of the largest standard deviation: fine enough for a probability to 0.1%. */
const BINS_PER_DEVIATION = 25;

/** From here on, Stirling's series with three terms is exact to ten digits. */
const STIRLING_MIN = 16;

/** P(`range` of a binomial count): of `of` objects, each with probability `share`. */
export function binomialProbability(of: number, share: number, { least, most }: CountRange): number {
  return rangeProbability(of, [{ share, least, most }]);
}

/**
 * The probability that the counts of all categories are in their ranges, if `of` objects fall into them by their shares, which may
 * leave a rest. Counts with these shares are Poisson counts whose sum happens to be `of` (B. Levin, "A representation for
 * multinomial cumulative distribution functions", Annals of Statistics 9 (1981), 1123–1126), so their sum is built up category by
 * category. Exact for small counts; bins of counts stand for larger ones.
 */
export function rangeProbability(of: number, categories: readonly Category[]): number {
  const possible = categories.filter(({ share }) => share > 0);
  if (categories.some(({ share, least }) => share <= 0 && least > 0)) return 0;
  const rest = 1 - possible.reduce((sum, { share }) => sum + share, 0);
  const all = rest > REST_MIN ? [...possible, { share: rest, least: 0, most: of }] : possible;
  // The last count follows from the others, so the largest costs nothing.
  const [last, ...others] = all.sort((a, b) => b.share - a.share);
  if (last === undefined || of === 0) return 1;
  const deviation = Math.sqrt(of * Math.max(...others.map(({ share }) => share * (1 - share)), 0));
  const width = Math.max(1, Math.round(deviation / BINS_PER_DEVIATION));
  const bins = others.reduce((sums, category) => withCategory(sums, of, category, width), NOTHING);
  return atSum(bins, of, last, width);
}

/** Shares that were divided do not add up to 1 exactly. */
const REST_MIN = 1e-9;

/** Probabilities of sums of counts: entry i stands for the sum (`first` + i) · width. */
type Bins = { readonly first: number; readonly masses: readonly number[]; readonly share: number };

const NOTHING: Bins = { first: 0, masses: [1], share: 0 };

/** The sums with the counts of one more category; those from which `of` is out of reach are left out. */
function withCategory(sums: Bins, of: number, category: Category, width: number): Bins {
  const added = countBins(of, category, width);
  const share = sums.share + category.share;
  const reach = DEVIATIONS_MAX * Math.sqrt(of * share * Math.max(0, 1 - share)) + SPARE;
  const first = Math.max(sums.first + added.first, Math.floor((of * share - reach) / width));
  const last = Math.min(
    sums.first + added.first + sums.masses.length + added.masses.length - 2,
    Math.ceil((of * share + reach) / width),
  );
  const masses = new Array<number>(Math.max(0, last - first + 1)).fill(0);
  sums.masses.forEach((mass, i) => {
    if (mass === 0) return;
    const offset = sums.first + i + added.first - first;
    const [from, to] = [Math.max(0, -offset), Math.min(added.masses.length, masses.length - offset)];
    for (let j = from; j < to; j += 1) masses[offset + j] = (masses[offset + j] ?? 0) + mass * (added.masses[j] ?? 0);
  });
  return { first, masses, share };
}

/** Extra counts for a small mean, which can be exceeded by more than its standard deviations. */
const SPARE = 20;

/** The Poisson counts of a category that are in its range, by bin. */
function countBins(of: number, { share, least, most }: Category, width: number): Bins {
  const mean = of * share;
  const reach = DEVIATIONS_MAX * Math.sqrt(mean);
  const from = Math.max(least, 0, Math.floor(mean - reach));
  const to = Math.min(most, of, Math.ceil(mean + reach + SPARE));
  const first = Math.round(from / width);
  const masses = new Array<number>(Math.max(0, Math.round(to / width) - first + 1)).fill(0);
  let mass = poisson(from, mean);
  for (let count = from; count <= to; count += 1) {
    const bin = Math.round(count / width) - first;
    masses[bin] = (masses[bin] ?? 0) + mass;
    mass *= mean / (count + 1);
  }
  return { first, masses, share };
}

/** The probability that the last count, which makes the sum `of`, is in its range. */
function atSum({ first, masses }: Bins, of: number, { share, least, most }: Category, width: number): number {
  let sum = 0;
  masses.forEach((mass, i) => {
    const count = of - (first + i) * width;
    // At the ends of the range, a part of the bin.
    const inside = Math.min(count + width / 2, most + 0.5) - Math.max(count - width / 2, least - 0.5);
    if (inside > 0 && count >= 0) sum += (mass * poisson(count, of * share) * Math.min(width, inside)) / width;
  });
  return Math.min(1, sum / poisson(of, of));
}

function poisson(count: number, mean: number): number {
  return Math.exp(count * Math.log(mean) - mean - logFactorial(count));
}

/** Stirling's series, NIST DLMF 5.11.1; below, the product itself. */
function logFactorial(count: number): number {
  if (count < STIRLING_MIN) {
    let product = 1;
    for (let factor = 2; factor <= count; factor += 1) product *= factor;
    return Math.log(product);
  }
  const n = count;
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
}
