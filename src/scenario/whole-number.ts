import { type Notation, notation } from './notation.ts';

/** Decimal digits alone; `null` for anything else, and for what is too large to be exact. */
export function parseWholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : null;
  return Number.isSafeInteger(value) ? value : null;
}

/** A whole number between two limits, both included. */
export function wholeNumberBetween(min: number, max: number): Notation<number> {
  const range = `from ${min} to ${max}`;
  return notation('n', `a whole number ${range}`, `Write a whole number ${range}, digits only`, (text) => {
    const value = parseWholeNumber(text);
    return value !== null && value >= min && value <= max ? value : null;
  });
}
