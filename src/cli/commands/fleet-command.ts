import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Command } from 'commander';
import { registrationIdProblem } from '../../dps/registration-id.ts';
import { notANewFile } from '../../files/new-file.ts';
import { generatedRegistrationId, generateFleet, ROWS_GENERATED_MAX } from '../../fleet/generate-fleet.ts';
import { OperatorError, type Problem, problem } from '../../problem/operator-error.ts';
import { quoteValue } from '../../problem/quote-value.ts';
import { wholeNumberBetween } from '../../scenario/notation/notation.ts';
import { readFlag } from './options.ts';

const PREFIX_DEFAULT = 'device';
const COUNT = wholeNumberBetween(1, ROWS_GENERATED_MAX);

type GenerateFlags = { readonly count: string; readonly prefix: string; readonly out?: string };

export function fleetCommand(): Command {
  const generate = new Command('generate')
    .summary('Write a CSV of registration IDs')
    .description('Writes a fleet CSV with a column registration_id: PREFIX-000001, PREFIX-000002, …')
    .requiredOption('-n, --count <n>', 'number of devices (default: none; required)')
    .option('--prefix <text>', 'prefix of each registration ID', PREFIX_DEFAULT)
    .option('-o, --out <file>', 'file to create; must not exist (default: stdout)')
    .addHelpText('after', '\nExample:\n  dpsload fleet generate -n 1000 --prefix line-a -o fleet.csv\n')
    .action(writeFleet);
  return new Command('fleet').description('Generates fleet CSVs.').addCommand(generate);
}

async function writeFleet({ count: countText, prefix, out }: GenerateFlags): Promise<void> {
  const problems: Problem[] = [];
  const count = readFlag('--count', countText, COUNT, problems);
  const longest = generatedRegistrationId(prefix, ROWS_GENERATED_MAX, ROWS_GENERATED_MAX);
  const reason = registrationIdProblem(longest);
  if (reason !== null) {
    problems.push(problem(`with --prefix ${quoteValue(prefix)} a registration ID ${reason}`, 'Choose another prefix'));
  }
  if (problems.length > 0 || count === null) throw new OperatorError('usage', problems);
  if (out === undefined) await generateFleet(count, prefix, process.stdout, false);
  else await writeNewFile(out, count, prefix);
}

/** Never overwrites a file, and leaves no partial file behind. */
async function writeNewFile(file: string, count: number, prefix: string): Promise<void> {
  const out = createWriteStream(file, { flags: 'wx' });
  try {
    await generateFleet(count, prefix, out, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true });
    throw notANewFile(file, error);
  }
}
