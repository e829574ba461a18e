import { parseDuration, printDuration } from '../../time/duration.ts';
import { type Notation, notation } from './notation.ts';

/** A duration as `durationBetween` reads it, or `off`, which is `null` as a value of the scenario. */
export function durationOrOff(minMs: number, maxMs: number): Notation<number | 'off'> {
  const duration = durationBetween(minMs, maxMs);
  return {
    ...duration,
    placeholder: 'duration|off',
    remedy: `${duration.remedy}, or off`,
    read: (text) => (text === 'off' ? { value: 'off' } : duration.read(text)),
    show: (value) => (value === 'off' ? value : duration.show(value)),
  };
}

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
