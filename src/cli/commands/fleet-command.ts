import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Command } from 'commander';
import { registrationIdProblem } from '../../dps/registration-id.ts';
import { notANewFile } from '../../files/new-file.ts';
import { generatedRegistrationId, generateFleet, ROWS_GENERATED_MAX } from '../../fleet/generate-fleet.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { wholeNumberBetween } from '../../scenario/notation/notation.ts';

const PREFIX_DEFAULT = 'device';
const COUNT = wholeNumberBetween(1, ROWS_GENERATED_MAX);

type GenerateFlags = { readonly count: string; readonly prefix: string; readonly out?: string };

export function fleetCommand(): Command {
  const generate = new Command('generate')
    .summary('write a CSV of registration IDs')
    .description('Writes a fleet CSV with a column registration_id: PREFIX-000001, PREFIX-000002, …')
    .requiredOption('-n, --count <n>', 'number of devices (default: none, it must be given)')
    .option('--prefix <text>', 'what each registration ID begins with', PREFIX_DEFAULT)
    .option('-o, --out <file>', 'file to write, which must not exist yet (default: stdout)')
    .addHelpText('after', '\nExample:\n  dpsload fleet generate -n 1000 --prefix line-a -o fleet.csv\n')
    .action(writeFleet);
  return new Command('fleet').description('Makes fleet CSVs.').addCommand(generate);
}

async function writeFleet({ count: countText, prefix, out }: GenerateFlags): Promise<void> {
  const problems: Problem[] = [];
  const count = COUNT.read(countText);
  if ('problem' in count) problems.push(problem(`--count ${quoteValue(countText)} ${count.problem}`, COUNT.remedy));
  const longest = generatedRegistrationId(prefix, ROWS_GENERATED_MAX, ROWS_GENERATED_MAX);
  const reason = registrationIdProblem(longest);
  if (reason !== null) {
    problems.push(problem(`with --prefix ${quoteValue(prefix)} a registration ID ${reason}`, 'Choose another prefix'));
  }
  if (problems.length > 0 || 'problem' in count) throw new OperatorError('usage', problems);
  if (out === undefined) await generateFleet(count.value, prefix, process.stdout, false);
  else await writeNewFile(out, count.value, prefix);
}

/** Never overwrites, and leaves no part of a file behind. */
async function writeNewFile(file: string, count: number, prefix: string): Promise<void> {
  const out = createWriteStream(file, { flags: 'wx' });
  try {
    await generateFleet(count, prefix, out, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true });
    throw notANewFile(file, error);
  }
}
