import type { Threshold } from './threshold.ts';

/** What can stand without quotes. */
export const BARE_WORD = /^[A-Za-z0-9_.%-]+$/;

/** The expression that reads as `threshold`. */
export function printThreshold({ metric, argument, comparison, limit, abort }: Threshold): string {
  const call = argument === null ? metric : `${metric}(${printArgument(argument)})`;
  return `${call} ${comparison} ${limit.value}${limit.unit ?? ''}${abort ? ' abort' : ''}`;
}

function printArgument(argument: string): string {
  return BARE_WORD.test(argument) ? argument : `"${argument.replace(/["\\]/g, '\\$&')}"`;
}
