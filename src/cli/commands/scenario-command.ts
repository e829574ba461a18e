import { dirname } from 'node:path';
import { Command } from 'commander';
import { textTable } from '../../report/text-table.ts';
import { scenarioSchema } from '../../scenario/read/scenario-schema.ts';
import { companionsOf, shippedScenario, shippedScenarios } from '../host/shipped-scenarios.ts';

export function scenarioCommand(): Command {
  const list = new Command('list')
    .summary('List the bundled scenarios')
    .description('Lists the bundled scenarios, with a sentence about each.')
    .action(() => {
      const rows = shippedScenarios().map(({ name, about }) => [name, about]);
      print(textTable(rows, 'left').join('\n'));
    });
  const show = new Command('show')
    .summary('Print a bundled scenario, as a template for your own')
    .description(
      'Prints a bundled scenario; its comments say what to change for a real instance. Names, on stderr, the files that a copy ' +
        'needs beside it to run unchanged.',
    )
    .argument('<name>', 'name of the scenario')
    .action((name: string) => {
      const { file, text } = shippedScenario(name);
      print(text.trimEnd());
      const files = companionsOf(text).join(', ');
      process.stderr.write(
        `note: to run a copy unchanged, also copy ${files} from ${dirname(file)}; for a real instance, change it as its comments say\n`,
      );
    });
  const schema = new Command('schema')
    .summary('Print the JSON Schema of scenario files, for editors')
    .description('Prints the JSON Schema of scenario files, for completion and checks in editors.')
    .action(() => print(JSON.stringify(scenarioSchema(), null, 2)));
  const command = new Command('scenario')
    .description('Lists and prints the bundled scenarios, for run -s @NAME and as a template for your own.')
    .addHelpText('after', '\nExample:\n  dpsload scenario show first-run > my-run.yaml\n  dpsload run -s @first-run\n');
  for (const child of [list, show, schema]) command.addCommand(child);
  return command;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
