import type { Stage } from '../../load/pace.ts';
import { parseDuration, printDuration } from '../../time/duration.ts';
import { type Notation, notation, parseWholeNumber } from './notation.ts';

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

/** Register requests a second that the instance grants; `off`: the run does not keep to one. */
export type QuotaSetting = number | 'off';

export const QUOTA: Notation<QuotaSetting> = notation<QuotaSetting>(
  'rate|off',
  'a rate, or off',
  'Write the register requests that the instance grants, for example 1000/min, or off',
  (text) => (text === 'off' ? 'off' : parseRate(text)),
  (quota) => (quota === 'off' ? quota : formatRate(quota)),
);

/** So that a list that was made by a program is refused before it is worked through for every launch. */
const STAGES_MAX = 1_000;

/** `10/s:1m,50/s:2m:ramp,0:30s` → stages; `null` when it is no such list. At least one has a rate. */
function parseStages(text: string): readonly Stage[] | null {
  const stages = text.split(',').map((part) => parseStage(part.trim()));
  const read = stages.filter((stage) => stage !== null);
  const isUsable = read.length === stages.length && read.length <= STAGES_MAX;
  return isUsable && read.some(({ ratePerSecond }) => ratePerSecond > 0) ? read : null;
}

function parseStage(text: string): Stage | null {
  const [rate = '', duration = '', ramp, ...rest] = text.split(':');
  const ratePerSecond = /^0(?:\/(?:s|min|h))?$/.test(rate) ? 0 : parseRate(rate);
  const forMs = parseDuration(duration);
  const isWhole = rest.length === 0 && (ramp === undefined || ramp === 'ramp');
  return isWhole && ratePerSecond !== null && forMs !== null && forMs > 0
    ? { ratePerSecond, forMs, ramp: ramp === 'ramp' }
    : null;
}

export function formatStages(stages: readonly Stage[]): string {
  return stages
    .map(({ ratePerSecond, forMs, ramp }) => {
      const rate = ratePerSecond === 0 ? '0' : formatRate(ratePerSecond);
      return `${rate}:${printDuration(forMs)}${ramp ? ':ramp' : ''}`;
    })
    .join(',');
}

/** In a scenario also a list of `{ rate, for, ramp }`. */
export const STAGES: Notation<readonly Stage[]> = {
  ...notation(
    'rate:duration,…',
    'a list of stages',
    'Write rate:duration for each stage, 0 for a pause, :ramp for a rate that goes there in a straight line: 10/s:1m,50/s:2m:ramp,0:30s',
    parseStages,
    formatStages,
  ),
  kind: 'stages',
};

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
  ({ size, everyMs }) => `${size}/${printDuration(everyMs)}`,
);
