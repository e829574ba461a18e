import { ALLOCATION_VERDICTS } from '../allocation/allocation-verdict.ts';
import type { Threshold } from './threshold.ts';
import { metricNamed } from './threshold-metrics.ts';

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
