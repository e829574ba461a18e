import { type Notation, notation } from '../scenario/notation.ts';

/** A figure ten times as bad is another one. */
const TOLERANCE_MAX = 10;

/** How much worse a figure may be, as a part of 1: `10%` → 0.1. */
export const TOLERANCE: Notation<number> = notation(
  'n%',
  `a percentage from 0% to ${TOLERANCE_MAX * 100}%`,
  'Write a number with %, for example 10% or 0.5%',
  (text) => {
    const match = /^(\d{1,4}(?:\.\d{1,6})?)%$/.exec(text);
    const value = match === null ? null : Number(`${match[1]}e-2`);
    return value !== null && value <= TOLERANCE_MAX ? value : null;
  },
);
