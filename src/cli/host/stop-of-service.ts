import { isRunning, type ProcessIdentity } from '../../files/process-identity.ts';
import { repeat, type Timer } from '../../time/clock.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { isAtTerminal } from './stop-signals.ts';

/** How soon the end of a parent is noticed; it costs one look at /proc. */
const PARENT_CHECK_MS = 250;

/**
 * Calls `onStop` whenever a process that serves others is to stop: at SIGINT or SIGTERM, or when the terminal is closed; in a
 * child process also when the parent sends `{ type: "stop" }` or has disconnected, and anyhow when `parent` has ended. Signals stay
 * caught to the end: npx passes on a Ctrl-C that has arrived already, and the second must not cut off what the first has begun.
 *
 * @param parent `null` = nobody's end matters
 * @param onStop gets the signal to pass on
 * @returns lets the process end once it has stopped
 */
export function listenForStop(parent: ProcessIdentity | null, onStop: (signal: NodeJS.Signals) => void): () => void {
  const terminate = (): void => onStop('SIGTERM');
  process.on('SIGINT', onStop);
  process.on('SIGTERM', onStop);
  process.on('SIGHUP', isAtTerminal() ? onStop : () => {});
  const onMessage = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') terminate();
  };
  process.on('message', onMessage);
  process.once('disconnect', terminate);
  const watch = parent === null ? null : watchParent(parent, terminate);
  // The parent may have ended before anyone listened for it.
  if (process.send !== undefined && !process.connected) queueMicrotask(terminate);
  return () => {
    watch?.cancel();
    process.off('message', onMessage);
    process.off('disconnect', terminate);
    if (process.connected) process.disconnect?.();
  };
}

function watchParent(parent: ProcessIdentity, onEnd: () => void): Timer {
  const watch = repeat(systemClock(hrtimeMs()), PARENT_CHECK_MS, () => {
    if (isRunning(parent)) return;
    watch.cancel();
    onEnd();
  });
  return watch;
}
