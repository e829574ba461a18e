import { parseDuration, printDuration } from '../../time/duration.ts';
import { type Notation, notation } from './notation.ts';

/** A duration between two limits, both included. */
export function durationBetween(minMs: number, maxMs: number): Notation<number> {
  return notation({
    placeholder: 'duration',
    noun: `a duration from ${printDuration(minMs)} to ${printDuration(maxMs)}`,
    remedy: 'Write whole numbers with h, m, s or ms, for example 5m, 30s, 500ms or 1h30m',
    parse: (text) => {
      const durationMs = parseDuration(text);
      return durationMs !== null && durationMs >= minMs && durationMs <= maxMs ? durationMs : null;
    },
    show: printDuration,
  });
}
