import { Command, Option } from 'commander';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { junitXml } from '../../report/junit-xml.ts';
import { summaryJson } from '../../report/summary.ts';
import { summarySchema } from '../../report/summary-schema.ts';
import { summaryText } from '../../report/summary-text.ts';
import type { Results } from '../../results/result-files.ts';
import { makeResults, mergeResults, readResults } from '../../results/write-results.ts';
import { fleetOfRun } from '../../run-folder/run-file.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import { paletteOf } from '../view/colors.ts';
import { noColorOption } from './options.ts';

const FORMATS = ['text', 'json', 'html', 'junit'] as const;

type ReportFlags = {
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly color: boolean;
  readonly schema?: true;
};

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Rebuilds registrations.csv, failures.csv, not-registered.csv, summary.json, latency.hlog and report.html in the folder of a run from ' +
        'its journal alone, and prints the summary. For a run that is still active or was killed, it prints the results so ' +
        'far and writes nothing: rows that were never sent count as not-started, rows that were possibly sent as unknown. ' +
        'It also writes nothing while another dpsload uses the folder, or if the folder is not writable.\n\n' +
        'Merges several runs of one fleet against one target (canary, main run, retries) into one set of files under ' +
        '--out: each device gets its last outcome, in the order in which the runs began, and devices that two runs may ' +
        'have registered are marked possibly_twice.',
    )
    .argument('[run-dirs...]', 'folders of the runs')
    .option('--out <dir>', 'folder for the files; required for several runs (default: the folder of the run)')
    .addOption(new Option('--format <format>', 'output format').choices(FORMATS).default('text'))
    .addOption(noColorOption())
    .option('--schema', 'only print the JSON Schema of summary.json, with the unit and meaning of each member')
    .action(report);
}

async function report(folders: readonly string[], { format, out, color, schema }: ReportFlags): Promise<void> {
  if (schema) {
    process.stdout.write(`${JSON.stringify(summarySchema(), null, 2)}\n`);
    return;
  }
  process.stdout.write(printed(await resultsOf(folders, out ?? null), format, color));
}

async function resultsOf(folders: readonly string[], out: string | null): Promise<Results> {
  const [folder, another] = folders;
  if (folder === undefined) {
    throw new OperatorError('usage', [problem('no run given', 'Name the folder of a run')]);
  }
  if (out !== null) return await mergeResults(folders, out);
  if (another !== undefined) {
    throw new OperatorError('usage', [
      problem('several runs need a folder for the merged results', 'Name one with --out DIR'),
    ]);
  }
  return await resultsIn(folder);
}

/** Rebuilds the results; if another dpsload uses the folder, or it is not writable, only reads them. */
async function resultsIn(folder: string): Promise<Results> {
  let unlock: () => void;
  try {
    unlock = lockRunFolder(folder);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const results = await readResults(folder);
    process.stderr.write(`nothing is written: ${error.message}\n`);
    return results;
  }
  try {
    return await makeResults(folder, { fleet: fleetOfRun(folder) });
  } finally {
    unlock();
  }
}

function printed({ summary, reportHtml }: Results, format: ReportFlags['format'], color: boolean): string {
  switch (format) {
    case 'text':
      return summaryText(summary, paletteOf(process.stdout, color));
    case 'json':
      return summaryJson(summary);
    case 'html':
      return reportHtml();
    case 'junit':
      return junitXml(summary);
  }
}
