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
import { hasColors, paletteFor } from '../view/colors.ts';

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
      'Makes registrations.csv, failures.csv, summary.json, latency.hlog and report.html in the folder of a run again, ' +
        'from its journal alone, and prints the summary. Of a run that is still going on, or was killed, it prints what is ' +
        'known and writes nothing: rows that were never sent are not-started, rows that were perhaps sent are unknown. ' +
        'Nor does it write while another dpsload works in the folder, or where the folder cannot be written.\n\n' +
        'Several runs of one fleet at one target (canary, main run, retries) are merged into one set of files under --out: ' +
        'each device has the last outcome, in the order in which the runs began, and what may have been registered in two ' +
        'of them is marked possibly_twice.',
    )
    .argument('[run-dirs...]', 'folders of the runs')
    .option('--out <dir>', 'where the files go, for several runs (default: the folder of the run)')
    .addOption(new Option('--format <format>', 'of what is printed').choices(FORMATS).default('text'))
    .option('--no-color', 'print without colours (also: NO_COLOR)')
    .option(
      '--schema',
      'print the JSON Schema of summary.json, with the unit and meaning of each member, and do no more',
    )
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
    throw new OperatorError('usage', [problem('run-dir is missing', 'Name the folder of a run')]);
  }
  if (out !== null) return await mergeResults(folders, out);
  if (another !== undefined) {
    throw new OperatorError('usage', [
      problem('the results of several runs have no folder of their own', 'Name one with --out DIR'),
    ]);
  }
  return await resultsIn(folder);
}

/** Of a folder in which another dpsload works, or that cannot be written, the results are read alone. */
async function resultsIn(folder: string): Promise<Results> {
  const locked = lockOrReason(folder);
  if (locked instanceof OperatorError) {
    const results = await readResults(folder);
    process.stderr.write(`nothing is written: ${locked.message}\n`);
    return results;
  }
  try {
    return await makeResults(folder, { fleet: fleetOfRun(folder) });
  } finally {
    locked();
  }
}

function lockOrReason(folder: string): (() => void) | OperatorError {
  try {
    return lockRunFolder(folder);
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
}

function printed({ summary, reportHtml }: Results, format: ReportFlags['format'], color: boolean): string {
  switch (format) {
    case 'text':
      return summaryText(summary, paletteFor(hasColors(process.stdout, process.env, color)));
    case 'json':
      return summaryJson(summary);
    case 'html':
      return reportHtml();
    case 'junit':
      return junitXml(summary);
  }
}
