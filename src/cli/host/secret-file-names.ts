import type { Command } from 'commander';
import { isSecret } from '../../dps/device-key.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { FILE } from '../../scenario/notation/notation.ts';

/** Matches the placeholder, in help, of an option or argument that names a file or folder. */
const NAMES_FILE = /file|folder|dir|csv/i;

/**
 * Refuses keys in place of file names before a command does anything, so that none ends up in a message, a log or the name
 * of a folder.
 *
 * @throws OperatorError `usage` with each of them.
 */
export function refuseSecretFileNames(command: Command): void {
  const problems = [...optionProblems(command), ...argumentProblems(command)];
  if (problems.length > 0) throw new OperatorError('usage', problems);
}

/** The problem with `text`, given by `source` as a file name, if it is a secret; else `null`. */
export function secretFileNameProblem(source: string, text: string): Problem | null {
  if (!isSecret(text)) return null;
  return problem(`${source} ${quoteValue(text)} is a secret, not the name of a file`, FILE.remedy);
}

function optionProblems(command: Command): readonly Problem[] {
  return command.options.flatMap((option) => {
    const text: unknown = command.getOptionValue(option.attributeName());
    if (typeof text !== 'string' || !NAMES_FILE.test(placeholder(option.flags))) return [];
    return secretFileNameProblem(option.long ?? option.flags, text) ?? [];
  });
}

function argumentProblems(command: Command): readonly Problem[] {
  return command.registeredArguments.flatMap((argument, place) => {
    const texts = argument.variadic ? command.args.slice(place) : command.args.slice(place, place + 1);
    if (!NAMES_FILE.test(argument.name())) return [];
    return texts.flatMap((text) => secretFileNameProblem(`the argument ${argument.name()}`, text) ?? []);
  });
}

/** `file` of `-c, --config <file>`. */
function placeholder(flags: string): string {
  return /<(.+)>/.exec(flags)?.[1] ?? '';
}
