import { CommanderError } from 'commander';
import { StoppedBeforehand } from '../coordinator/stop-request.ts';
import { OperatorError, type OperatorErrorKind } from '../problem/operator-error.ts';
import { isSecretLike } from '../problem/quote-value.ts';
import { EXIT_CODE } from './exit-code.ts';

/** How an error ends the process: what stderr says, and the exit code. */
export type ErrorReport = { readonly exitCode: number; readonly message: string };

const EXIT_CODE_OF: Readonly<Record<OperatorErrorKind, number>> = {
  usage: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  local: EXIT_CODE.internalError,
};

export function errorReport(error: unknown): ErrorReport {
  if (error instanceof OperatorError) return { exitCode: EXIT_CODE_OF[error.kind], message: `${error.message}\n` };
  if (error instanceof CommanderError) return commandLineReport(error);
  if (error instanceof StoppedBeforehand) return { exitCode: EXIT_CODE[error.reason], message: `${error.message}\n` };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = `Internal error of dpsload; please report it with the lines below.\n${text}\n`;
  return { exitCode: EXIT_CODE.internalError, message };
}

/** Help and version that were asked for end well, and were printed by then. */
function commandLineReport(error: CommanderError): ErrorReport {
  if (error.exitCode === 0) return { exitCode: EXIT_CODE.success, message: '' };
  // Help in place of a missing command.
  if (error.code === 'commander.help') return { exitCode: EXIT_CODE.usage, message: '' };
  // The text quotes what was typed, which may be a key: the value of an option that does not exist is left away.
  const bare = error.message.replace(/^error: /, '').replace(/'(--[^'=]*)=[^']*'/, "'$1'");
  const text = isSecretLike(bare) ? 'the command line cannot be understood' : bare;
  return { exitCode: EXIT_CODE.usage, message: `${text}\nSee dpsload --help, and --help of each command.\n` };
}
