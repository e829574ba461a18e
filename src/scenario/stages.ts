import type { Stage } from '../load/stages-pace.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { type Notation, notation } from './notation.ts';
import { formatRate, parseRate } from './rate.ts';

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
      return `${rate}:${formatDuration(forMs)}${ramp ? ':ramp' : ''}`;
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
