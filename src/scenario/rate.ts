import { type Notation, notation } from './notation.ts';

const UNITS_SECONDS = { s: 1, min: 60, h: 3_600 } as const;

/** Launches a second; fewer than one an hour is a slip of the finger. */
const RATE_PER_SECOND_MIN = 1 / 3_600;

/** Launches a second; far above what one machine can start, so that only a slip of the finger is refused. */
export const RATE_PER_SECOND_MAX = 100_000;

/** A second of `900/min`, `50/s`, `0.5/s`, `1000/h`; `null` when it is no rate, or beyond the limits. */
export function parseRate(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,20})?)\/(s|min|h)$/.exec(text);
  if (match === null) return null;
  const perSecond = Number(match[1]) / UNITS_SECONDS[match[2] as keyof typeof UNITS_SECONDS];
  return perSecond >= RATE_PER_SECOND_MIN && perSecond <= RATE_PER_SECOND_MAX ? perSecond : null;
}

/** In the unit in which it is a whole number. */
export function formatRate(perSecond: number): string {
  for (const [unit, seconds] of Object.entries(UNITS_SECONDS)) {
    const count = Math.round(perSecond * seconds);
    if (count > 0 && count / seconds === perSecond) return `${count}/${unit}`;
  }
  return `${perSecond}/s`;
}

export const RATE: Notation<number> = notation(
  'rate',
  `a rate from 1/h to ${RATE_PER_SECOND_MAX}/s`,
  'Write a number with /s, /min or /h, for example 50/s, 900/min or 1000/h',
  parseRate,
  formatRate,
);
