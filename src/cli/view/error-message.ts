import { CommanderError } from 'commander';
import { OperatorError } from '../../problem/operator-error.ts';
import { HIDDEN, isSecretLike } from '../../problem/quote-value.ts';
import { StoppedBeforeStart } from '../../run/stop-request.ts';

/** A mistake on the command line of one command. */
export class CommandLineError extends CommanderError {
  /** As it is typed: `dpsload certs issue`. */
  readonly command: string;

  constructor({ exitCode, code, message }: CommanderError, command: string) {
    super(exitCode, code, message);
    this.command = command;
  }
}

/** Base64 with padding, from the shortest key (16 bytes) up. */
const PADDED_BASE64 = /[A-Za-z0-9+/]{22,}={1,2}/g;

/** What stderr says about the error that ends the process. Messages may quote a key given in the wrong place: it is hidden. */
export function errorMessage(error: unknown): string {
  return rawMessage(error).replace(PADDED_BASE64, HIDDEN);
}

function rawMessage(error: unknown): string {
  if (error instanceof OperatorError || error instanceof StoppedBeforeStart) return `${error.message}\n`;
  if (error instanceof CommanderError) return commandLineMessage(error);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `Internal error in dpsload. Please report it with the lines below.\n${text}\n`;
}

function commandLineMessage(error: CommanderError): string {
  const { exitCode, code, message } = error;
  // Help and version have been printed already, also help in place of a missing command.
  if (exitCode === 0 || code === 'commander.help') return '';
  // The text quotes what was typed, which may be a key: the value of an unknown option is dropped.
  const bare = message.replace(/^error: /, '').replace(/'(--[^'=]*)=[^']*'/, "'$1'");
  const text = isSecretLike(bare) ? 'the command line cannot be parsed' : bare;
  const command = error instanceof CommandLineError ? error.command : 'dpsload';
  return `${text}\nRun ${command} --help.\n`;
}
