import type { RunListener } from './run-listener.ts';

/** One listener for several: each hears all. */
export function runListeners(...listeners: readonly RunListener[]): RunListener {
  return {
    settled(outcome) {
      for (const listener of listeners) listener.settled(outcome);
    },
    sampled(sample) {
      for (const listener of listeners) listener.sampled(sample);
    },
    told(message) {
      for (const listener of listeners) listener.told(message);
    },
    stopping(end) {
      for (const listener of listeners) listener.stopping(end);
    },
  };
}
