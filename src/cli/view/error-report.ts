import { CommanderError } from 'commander';
import { OperatorError, type OperatorErrorKind } from '../../problem/operator-error.ts';
import { HIDDEN, isSecretLike } from '../../problem/quote-value.ts';
import { StoppedBeforeStart } from '../../run/stop-request.ts';
import { EXIT_CODE } from '../host/exit-code.ts';

/** How an error ends the process: what stderr says, and the exit code. */
export type ErrorReport = { readonly exitCode: number; readonly message: string };

const EXIT_CODE_OF: Readonly<Record<OperatorErrorKind, number>> = {
  usage: EXIT_CODE.usage,
  unreachable: EXIT_CODE.unreachable,
  local: EXIT_CODE.internalError,
};

/** Base64 with padding, from the shortest key (16 bytes) on. */
const PADDED_BASE64 = /[A-Za-z0-9+/]{22,}={1,2}/g;

/** What was given may be quoted in any message, and be a key in the wrong place: that is seen to here, last of all. */
export function errorReport(error: unknown): ErrorReport {
  const { exitCode, message } = plainReport(error);
  return { exitCode, message: message.replace(PADDED_BASE64, HIDDEN) };
}

function plainReport(error: unknown): ErrorReport {
  if (error instanceof OperatorError) return { exitCode: EXIT_CODE_OF[error.kind], message: `${error.message}\n` };
  if (error instanceof CommanderError) return commandLineReport(error);
  if (error instanceof StoppedBeforeStart) return { exitCode: EXIT_CODE[error.reason], message: `${error.message}\n` };
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
