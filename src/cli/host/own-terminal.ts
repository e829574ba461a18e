import { isatty } from 'node:tty';

/** Whether the program is at a terminal; one that has been closed is none any more. */
export function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/**
 * Lets the program die of the hang-up if its terminal has gone by the time of its end. Node.js would restore the settings of the terminal, fail
 * with EIO, and abort, which may leave a core file (`node::ResetStdio`).
 */
export function endWithTerminal(): void {
  if (!isAtTerminal()) return;
  process.on('exit', () => {
    if (isAtTerminal()) return;
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  });
}
