import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { OperatorError, problem } from '../../problem/operator-error.ts';

export type ShellCommand = {
  /** Its exit code; 128 and the number of the signal if it died of one, as shells have it. */
  readonly exitCode: Promise<number>;
  /** Passes a signal on to the command and all that it has started. */
  signal(signal: NodeJS.Signals): void;
};

/** Windows has no process groups, and would open another window. */
const HAS_GROUPS = process.platform !== 'win32';

/**
 * Runs a command line through the shell, with the input and output of this process. It is the head of a process group: a shell that
 * gets a signal keeps it from what it has started, and Ctrl-C, which reaches only this process, is to arrive once.
 *
 * @param variables of its environment, beside those of this process; `undefined` = not set
 */
export function startShellCommand(
  command: string,
  variables: Readonly<Record<string, string | undefined>>,
): ShellCommand {
  const env = { ...process.env, ...variables };
  const child = spawn(command, { shell: true, stdio: 'inherit', detached: HAS_GROUPS, env });
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once('error', ({ message }) => {
      reject(new OperatorError('local', [problem(`the shell cannot be started (${message})`)]));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    if (!HAS_GROUPS) child.kill(name);
    else if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name);
  };
  return { exitCode, signal };
}
