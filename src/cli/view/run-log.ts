import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { messageOf } from '../../problem/operator-error.ts';
import { withoutControls } from '../../report/format.ts';

/** The log names hosts and devices: for its owner alone. */
const MODE = 0o600;
/** Without waiting: a pipe that nobody reads must not hold up the run. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

/**
 * Returns a function that appends a line to the log file of a run. The file is opened for each line, so that it may be moved away
 * and a new one begun.
 *
 * @param warn called at the first failure; the run continues, and later lines are tried again
 */
export function appendingTo(file: string, warn: (message: string) => void): (line: string) => void {
  let warned = false;
  return (line) => {
    try {
      append(file, `${withoutControls(line)}\n`);
    } catch (error) {
      if (warned) return;
      warned = true;
      warn(`warning: cannot write the log file ${file} (${messageOf(error)}); the run continues`);
    }
  };
}

function append(file: string, text: string): void {
  const descriptor = openSync(file, APPEND, MODE);
  try {
    writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}
