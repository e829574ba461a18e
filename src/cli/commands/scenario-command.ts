import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { textTable } from '../../report/text-table.ts';
import { scenarioSchema } from '../../scenario/read/scenario-schema.ts';
import { shippedScenarioFile, shippedScenarios } from '../host/shipped-scenarios.ts';

export function scenarioCommand(): Command {
  const list = new Command('list').summary('name the scenarios that dpsload brings').action(() =>
    print(
      textTable(
        shippedScenarios().map(({ name, about }) => [name, about]),
        'left',
      ).join('\n'),
    ),
  );
  const show = new Command('show')
    .summary('print one of them, to start from')
    .argument('<name>', 'name of the scenario')
    .action((name: string) => print(readFileSync(shippedScenarioFile(name), 'utf8').trimEnd()));
  const schema = new Command('schema')
    .summary('print the JSON Schema of scenario files, for editors')
    .action(() => print(JSON.stringify(scenarioSchema(), null, 2)));
  const command = new Command('scenario')
    .description('Lists and prints the scenarios that dpsload brings, for run -s @NAME and as a start for your own.')
    .addHelpText('after', '\nExample:\n  dpsload scenario show first-run > my-run.yaml\n  dpsload run -s @first-run\n');
  for (const child of [list, show, schema]) command.addCommand(child);
  return command;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
