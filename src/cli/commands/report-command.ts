import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { FileDigest } from '../../files/atomic-file.ts';
import { CSV_PROGRAMS, type CsvProgram } from '../../files/csv-line.ts';
import { OperatorError, type Problem, problem, problemIn } from '../../problem/operator-error.ts';
import { ABSENT, formatNoun } from '../../report/format.ts';
import { junitXml } from '../../report/junit-xml.ts';
import { dataSha256, type Summary, summaryJson } from '../../report/summary.ts';
import { summarySchema } from '../../report/summary-schema.ts';
import { readFinishedSummary } from '../../results/read-compared-run.ts';
import { JOURNAL_RESULTS, type Results } from '../../results/result-files.ts';
import { makeResults, mergeResults, type ResultOptions, readResults } from '../../results/write-results.ts';
import { CHECKSUMS_FILE, checkChecksums } from '../../run-folder/checksums.ts';
import { fleetOfRun } from '../../run-folder/run-file.ts';
import { lockRunFolder } from '../../run-folder/run-lock.ts';
import { COLUMN_LIST } from '../../scenario/notation/lists.ts';
import { checksumsLine, summaryTextFor } from '../view/show-results.ts';
import { fitted } from '../view/terminal-line.ts';
import { appendValue, noColorOption, readFlag } from './options.ts';

const FORMATS = ['text', 'json', 'html', 'junit'] as const;

type ReportFlags = {
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly by?: readonly string[];
  readonly csvFor?: CsvProgram;
  readonly color: boolean;
  readonly schema?: true;
  readonly check?: true;
};

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Rebuilds all results in the folder of a run (summary.json, report.html, latency.hlog and the CSV files) from ' +
        'its journal alone, and prints the summary. For a run that is still active or was killed, it prints the results so ' +
        'far and writes nothing: rows that were never sent count as not-started, rows that were possibly sent as unknown. ' +
        'It also writes nothing while another dpsload uses the folder, or if the folder is not writable.\n\n' +
        'Merges several runs of one fleet against one target (canary, main run, retries) into one set of files under ' +
        '--out: each device gets its last outcome, in the order in which the runs began, and devices that two runs may ' +
        'have registered are marked possibly_twice.',
    )
    .argument('[run-dirs...]', 'folders of the runs')
    .option('--out <dir>', 'folder for the files; required for several runs (default: the folder of the run)')
    .option(
      '--by <column>',
      'show the results by this column of the fleet too; changes summary.json and report.html, and so the SHA-256 of ' +
        `${CHECKSUMS_FILE}; repeatable (default: as in the last session)`,
      appendValue,
    )
    .addOption(
      new Option(
        '--csv-for <program>',
        `write the CSV files plain, or for Excel, with commas or semicolons; changes ${CHECKSUMS_FILE} likewise ` +
          '(default: as in the last session)',
      ).choices(CSV_PROGRAMS),
    )
    .addOption(new Option('--format <format>', 'output format').choices(FORMATS).default('text'))
    .addOption(noColorOption())
    .option(
      '--check',
      `only compare the files of one run with its ${CHECKSUMS_FILE}, and name each that differs, is missing or is new`,
    )
    .option('--schema', 'only print the JSON Schema of summary.json, with the unit and meaning of each member')
    .action(report);
}

async function report(folders: readonly string[], flags: ReportFlags): Promise<void> {
  const { format, out, color, schema, check, csvFor = null } = flags;
  if (schema) {
    process.stdout.write(`${JSON.stringify(summarySchema(), null, 2)}\n`);
    return;
  }
  if (check) {
    process.stdout.write(await checked(folders));
    return;
  }
  const results = await resultsOf(folders, out ?? null, { by: columnsOf(flags), csvFor });
  process.stdout.write(printed(results, format, color));
  // Results of which none were written are not those of the files in the folder.
  if (results.summary.files !== null) process.stderr.write(checksumsLine(out ?? folders[0] ?? ''));
}

async function checked(folders: readonly string[]): Promise<string> {
  const [folder, another] = folders;
  if (folder === undefined || another !== undefined) {
    throw new OperatorError('usage', [problem('--check needs exactly one run', 'Name the folder of a run')]);
  }
  const listed = await checkChecksums(folder, JOURNAL_RESULTS);
  const summary = readFinishedSummary(folder);
  refuseContradiction(folder, listed, summary);
  return (
    `${formatNoun(listed.length, 'file')} in ${folder}: as listed in ${CHECKSUMS_FILE}\n${checksumsLine(folder)}` +
    `data files (as report.html shows): ${dataSha256(summary) ?? ABSENT}\n`
  );
}

/** A list that was made again over changed files does not agree with the older list in summary.json. */
function refuseContradiction(
  folder: string,
  listed: readonly FileDigest[],
  { journals, files }: Pick<Summary, 'journals' | 'files'>,
): void {
  const sums = new Map(listed.map(({ name, sha256 }) => [name, sha256]));
  const differing = [...(journals ?? []), ...(files ?? [])].filter(
    ({ name, sha256 }) => (sums.get(name) ?? sha256) !== sha256,
  );
  if (differing.length === 0) return;
  const message = `differs from the SHA-256 in summary.json, though not from ${CHECKSUMS_FILE}`;
  throw new OperatorError(
    'local',
    differing.map(({ name }) => problemIn(join(folder, name), message, 'Restore the folder from a copy')),
  );
}

/** `null` = as in the last session. */
function columnsOf({ by }: ReportFlags): readonly string[] | null {
  const problems: Problem[] = [];
  const columns = readFlag('--by', by?.join('\n'), COLUMN_LIST, problems);
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return columns;
}

async function resultsOf(
  folders: readonly string[],
  out: string | null,
  options: Omit<ResultOptions, 'fleet'>,
): Promise<Results> {
  const [folder, another] = folders;
  if (folder === undefined) {
    throw new OperatorError('usage', [problem('no run given', 'Name the folder of a run')]);
  }
  if (out !== null) return await mergeResults(folders, out, options);
  if (another !== undefined) {
    throw new OperatorError('usage', [
      problem('several runs need a folder for the merged results', 'Name one with --out DIR'),
    ]);
  }
  return await resultsIn(folder, options);
}

/** Rebuilds the results; if another dpsload uses the folder, or it is not writable, only reads them. */
async function resultsIn(folder: string, options: Omit<ResultOptions, 'fleet'>): Promise<Results> {
  const fleet = fleetOfRun(folder);
  let unlock: () => void;
  try {
    unlock = lockRunFolder(folder);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const results = await readResults(folder, { fleet, ...options });
    process.stderr.write(fitted(`nothing is written: ${error.message}\n`, process.stderr));
    return results;
  }
  try {
    return await makeResults(folder, { fleet, ...options });
  } finally {
    unlock();
  }
}

function printed({ summary, reportHtml }: Results, format: ReportFlags['format'], color: boolean): string {
  switch (format) {
    case 'text':
      return summaryTextFor(process.stdout, summary, color);
    case 'json':
      return summaryJson(summary);
    case 'html':
      return reportHtml();
    case 'junit':
      return junitXml(summary);
  }
}
