import { ALLOCATION_VERDICTS } from '../allocation/allocation-verdict.ts';
import type { ThresholdResult } from '../metrics/threshold/judge-threshold.ts';
import { parseThreshold } from '../metrics/threshold/parse-threshold.ts';
import type { Quantity } from '../metrics/threshold/threshold.ts';
import { formatCount, withCommas } from './format.ts';

/** Significant digits of an observed value: enough to compare it with any limit. */
const DIGITS = 4;

/** `2 of 3 failed, 1 undecided`; `null` = all passed. */
export function describeUnmet(
  thresholds: readonly Pick<ThresholdResult, 'passed' | 'limited'>[],
  noun: string,
): string | null {
  const unmet = thresholds.filter(({ passed }) => !passed);
  const undecided = unmet.filter(({ limited }) => limited).length;
  const failed = unmet.length - undecided;
  if (unmet.length === 0) return null;
  if (failed === 0) return `${formatCount(undecided)} of ${noun} undecided`;
  return `${formatCount(failed)} of ${noun} failed${undecided === 0 ? '' : `, ${formatCount(undecided)} undecided`}`;
}

/** `p95(service) < 3s: observed 230.1 ms` */
export function describeThreshold(result: ThresholdResult): string {
  return `${result.expression}: ${describeObserved(result)}`;
}

/** `observed 230.1 ms` */
export function describeObserved(result: ThresholdResult): string {
  const { expression, quantity, observed, limited } = result;
  if (observed === null) return parseThreshold(expression).metric === 'time_to' ? 'never reached' : 'not measured';
  return `observed ${formatObserved(observed, quantity)}${limited ? because(result) : ''}`;
}

function because({ quantity, passed, withoutLoadGenerator }: ThresholdResult): string {
  const without = withoutLoadGenerator === null ? '' : ` (${formatObserved(withoutLoadGenerator, quantity)} without)`;
  const accepted = passed ? 'accepted with --allow-limited' : 'accept with --allow-limited';
  return `, but delays of the load generator itself decide${without}: ${accepted}`;
}

/** `230.1 ms`, `1.2 s`, `0.125%`, `1,000` */
export function formatObserved(observed: number, quantity: Quantity): string {
  switch (quantity) {
    case 'duration':
      return observed < 1000 ? `${rounded(observed)} ms` : `${rounded(observed / 1000)} s`;
    case 'share':
      return `${rounded(observed * 100)}%`;
    case 'number':
      return rounded(observed);
    case 'verdict':
      return ALLOCATION_VERDICTS[observed] ?? '';
  }
}

/** At least four digits and one more than stand before the point, with commas between thousands. */
function rounded(value: number): string {
  const precise = Number.isInteger(value)
    ? value
    : Number(value.toPrecision(Math.max(DIGITS, digitsBefore(value) + 1)));
  return withCommas(String(precise));
}

function digitsBefore(value: number): number {
  return String(Math.trunc(Math.abs(value))).length;
}
