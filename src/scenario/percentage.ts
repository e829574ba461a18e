import { type Notation, notation } from './notation.ts';

/** A share above 0, up to the whole, written as a percentage: `75%` → 0.75. */
export const PERCENTAGE: Notation<number> = notation(
  'percent',
  'a percentage above 0%, up to 100%',
  'Write a number with a percent sign, for example 75%',
  (text) => {
    const match = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
    const share = match === null ? 0 : Number(match[1]) / 100;
    return share > 0 && share <= 1 ? share : null;
  },
  (share) => `${Number((share * 100).toFixed(6))}%`,
);
