import { formatDuration, parseDuration } from './duration.ts';
import { type Notation, notation } from './notation.ts';
import { parseWholeNumber } from './whole-number.ts';

/** So many devices at the start of each interval. */
export type Batches = { readonly size: number; readonly everyMs: number };

export const BATCHES: Notation<Batches> = notation(
  'n/duration',
  'a number of devices for each interval',
  'Write the devices of a batch, a slash, and the interval, for example 200/1m',
  (text) => {
    const [size = '', interval = '', ...rest] = text.split('/');
    const [devices, everyMs] = [parseWholeNumber(size), parseDuration(interval)];
    return devices && everyMs && rest.length === 0 ? { size: devices, everyMs } : null;
  },
  ({ size, everyMs }) => `${size}/${formatDuration(everyMs)}`,
);
