#!/usr/bin/env node
import { buildProgram } from './commands/program.ts';
import { EXIT_CODE, exitCodeOfError } from './host/exit-code.ts';
import { guardOutput } from './host/guard-output.ts';
import { endWithTerminal } from './host/own-terminal.ts';
import { errorMessage } from './view/error-message.ts';
import { fitted } from './view/terminal-line.ts';

endWithTerminal();
guardOutput((error) => process.exit(reported(error)));
try {
  const [, , first, second] = process.argv;
  const program = await buildProgram(first === 'help' ? second : first);
  await program.parseAsync();
} catch (error) {
  process.exitCode = reported(error);
}
// After a signal, nothing that is still open may delay the end: a connection nobody answers, half-written results.
if (process.exitCode === EXIT_CODE.interrupted || process.exitCode === EXIT_CODE.terminated) process.exit();

/** The only place that turns errors into messages and exit codes. */
function reported(error: unknown): number {
  process.stderr.write(fitted(errorMessage(error), process.stderr));
  return exitCodeOfError(error);
}
