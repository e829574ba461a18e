import type { Stage } from '../../load/pace.ts';
import { parseDuration, printDuration } from '../../time/duration.ts';
import { notation, parseWholeNumber } from './notation.ts';

const UNITS_SECONDS = { s: 1, min: 60, h: 3_600 } as const;

/** Launches a second; anything below one an hour is a typing error. */
const RATE_PER_SECOND_MIN = 1 / 3_600;

/** Launches a second; far above what one machine can start, so only a typing error exceeds it. */
export const RATE_PER_SECOND_MAX = 100_000;

/** Launches a second of `600/min`, `50/s`, `0.5/s`, `1000/h`; `null` when the text is not a rate, or exceeds the limits. */
export function parseRate(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,20})?)\/(s|min|h)$/.exec(text);
  if (match === null) return null;
  const perSecond = Number(match[1]) / UNITS_SECONDS[match[2] as keyof typeof UNITS_SECONDS];
  return perSecond >= RATE_PER_SECOND_MIN && perSecond <= RATE_PER_SECOND_MAX ? perSecond : null;
}

/** Uses the unit in which the rate is a whole number. */
export function formatRate(perSecond: number): string {
  for (const [unit, seconds] of Object.entries(UNITS_SECONDS)) {
    const count = Math.round(perSecond * seconds);
    if (count > 0 && count / seconds === perSecond) return `${count}/${unit}`;
  }
  return `${perSecond}/s`;
}

export const RATE = notation({
  placeholder: 'rate',
  noun: `a rate from 1/h to ${RATE_PER_SECOND_MAX}/s`,
  remedy: 'Write a number with /s, /min or /h, for example 50/s, 600/min or 1000/h',
  parse: parseRate,
  show: formatRate,
});

/** Register requests a second that the instance allows; `off`: the run is not metered. */
export type QuotaSetting = number | 'off';

export const QUOTA = notation<QuotaSetting>({
  placeholder: 'rate|off',
  noun: 'a rate, or off',
  remedy: 'Write the register requests that the instance allows, for example 1000/min, or off',
  parse: (text) => (text === 'off' ? 'off' : parseRate(text)),
  show: (quota) => (quota === 'off' ? quota : formatRate(quota)),
});

/** The whole list is examined for every launch, so an excessively long generated list is refused. */
const STAGES_MAX = 1_000;

/** `10/s:1m,50/s:2m:ramp,0:30s` → stages; `null` when the text is not such a list, or no stage has a rate. */
function parseStages(text: string): readonly Stage[] | null {
  const stages = text.split(',').map((part) => parseStage(part.trim()));
  const read = stages.filter((stage) => stage !== null);
  const isComplete = read.length === stages.length && read.length <= STAGES_MAX;
  return isComplete && read.some(({ ratePerSecond }) => ratePerSecond > 0) ? read : null;
}

function parseStage(text: string): Stage | null {
  const [rate = '', duration = '', ramp, ...rest] = text.split(':');
  const ratePerSecond = /^0(?:\/(?:s|min|h))?$/.test(rate) ? 0 : parseRate(rate);
  const forMs = parseDuration(duration);
  const isComplete = rest.length === 0 && (ramp === undefined || ramp === 'ramp');
  return isComplete && ratePerSecond !== null && forMs !== null && forMs > 0
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
export const STAGES = notation({
  placeholder: 'rate:duration,…',
  kind: 'stages',
  noun: 'a list of stages',
  remedy:
    'Write rate:duration for each stage; use rate 0 for a pause, and add :ramp to change the rate linearly: 10/s:1m,50/s:2m:ramp,0:30s',
  parse: parseStages,
  show: formatStages,
});

/** Starts `size` devices at the beginning of each interval. */
export type Batches = { readonly size: number; readonly everyMs: number };

export const BATCHES = notation<Batches>({
  placeholder: 'n/duration',
  noun: 'a number of devices per interval',
  remedy: 'Write the size of a batch, a slash, and the interval, for example 200/1m',
  parse: (text) => {
    const [size = '', interval = '', ...rest] = text.split('/');
    const [devices, everyMs] = [parseWholeNumber(size), parseDuration(interval)];
    return devices && everyMs && rest.length === 0 ? { size: devices, everyMs } : null;
  },
  show: ({ size, everyMs }) => `${size}/${printDuration(everyMs)}`,
});
