import { isRunning, type ProcessIdentity, processIdentity } from '../../files/process-identity.ts';
import { parentOf } from '../../files/process-stat.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { repeat, type Timer } from '../../time/clock.ts';
import { hrtimeMs, systemClock } from '../../time/system-clock.ts';
import { isAtTerminal } from './own-terminal.ts';

/** How soon the end of a parent is noticed; it costs a look at /proc. */
const PARENT_CHECK_MS = 250;

/** npx and npm scripts start a program through a shell. A signal ends them or the shell, and neither of the others. */
const PARENTS_UNDER_NPM = 3;

/** The processes without which this one is not needed: its parent, and under npm also npm, and what has started that. */
export function parentProcesses(environment: Environment): readonly ProcessIdentity[] {
  const wanted = environment['npm_command'] === undefined ? 1 : PARENTS_UNDER_NPM;
  const parents: ProcessIdentity[] = [];
  for (let pid: number | null = process.ppid; pid !== null && pid > 0 && parents.length < wanted; pid = parentOf(pid)) {
    parents.push(processIdentity(pid));
  }
  return parents;
}

/**
 * Calls `onStop` whenever a process that serves others is to stop: at SIGINT or SIGTERM, or when the terminal is closed; in a
 * child process also when the parent sends `{ type: "stop" }` or has disconnected, and anyhow when one of `parents` has ended. Signals stay
 * caught to the end: npx passes on a Ctrl-C that has arrived already, and the second must not cut off what the first has begun.
 *
 * @param onStop gets the signal to pass on
 * @param onReload called at a SIGHUP that does not tell of a closed terminal
 * @returns lets the process end once it has stopped
 */
export function listenForStop(
  parents: readonly ProcessIdentity[],
  onStop: (signal: NodeJS.Signals) => void,
  onReload: () => void,
): () => void {
  const terminate = (): void => onStop('SIGTERM');
  process.on('SIGINT', onStop);
  process.on('SIGTERM', onStop);
  const hadTerminal = isAtTerminal();
  // A terminal that has been closed is none any more by the time of the signal.
  process.on('SIGHUP', (signal) => (hadTerminal && !isAtTerminal() ? onStop(signal) : onReload()));
  const onMessage = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') terminate();
  };
  process.on('message', onMessage);
  process.once('disconnect', terminate);
  const watch = parents.length === 0 ? null : watchParents(parents, terminate);
  // The parent may have ended before anyone listened for it.
  if (process.send !== undefined && !process.connected) queueMicrotask(terminate);
  return () => {
    watch?.cancel();
    process.off('message', onMessage);
    process.off('disconnect', terminate);
    if (process.connected) process.disconnect?.();
  };
}

function watchParents(parents: readonly ProcessIdentity[], onEnd: () => void): Timer {
  const watch = repeat(systemClock(hrtimeMs()), PARENT_CHECK_MS, () => {
    if (parents.every(isRunning)) return;
    watch.cancel();
    onEnd();
  });
  return watch;
}
