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
  const options = command.options.map((option): GivenFileName => {
    const placeholder = /<(.+)>/.exec(option.flags)?.[1] ?? '';
    // A repeatable option has a list.
    return [placeholder, option.long ?? option.flags, [command.getOptionValue(option.attributeName())].flat()];
  });
  const args = command.registeredArguments.map((argument, place): GivenFileName => {
    const values = command.args.slice(place, argument.variadic ? undefined : place + 1);
    return [argument.name(), `the argument ${argument.name()}`, values];
  });
  const problems = [...options, ...args].flatMap(([placeholder, source, values]) => {
    const texts = NAMES_FILE.test(placeholder) ? values.filter((value) => typeof value === 'string') : [];
    return texts.flatMap((text) => secretFileNameProblem(source, text) ?? []);
  });
  if (problems.length > 0) throw new OperatorError('usage', problems);
}

type GivenFileName = readonly [placeholder: string, source: string, values: readonly unknown[]];

/** The problem with `text`, given by `source` as a file name, if it is a secret; else `null`. */
export function secretFileNameProblem(source: string, text: string): Problem | null {
  if (!isSecret(text)) return null;
  return problem(`${source} ${quoteValue(text)} is a secret, not the name of a file`, FILE.remedy);
}
