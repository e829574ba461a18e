import { type Notation, notation } from './notation.ts';
import { formatRate, parseRate } from './rate.ts';

/** Register requests a second that the instance grants; `off`: the run does not keep to one. */
export type QuotaSetting = number | 'off';

export const QUOTA: Notation<QuotaSetting> = notation<QuotaSetting>(
  'rate|off',
  'a rate, or off',
  'Write the register requests that the instance grants, for example 1000/min, or off',
  (text) => (text === 'off' ? 'off' : parseRate(text)),
  (quota) => (quota === 'off' ? quota : formatRate(quota)),
);
