import { relative } from 'node:path';
import { Command } from 'commander';
import { ABSENT, formatNoun, formatUntrusted, withoutControls } from '../../report/format.ts';
import { textTable } from '../../report/text-table.ts';
import { type ListedRun, listRuns } from '../../results/list-runs.ts';
import { CHECKSUMS_FILE } from '../../run-folder/checksums.ts';
import { settingNamed } from '../../scenario/settings/settings.ts';
import { paletteOf } from '../view/colors.ts';
import { noColorOption } from './options.ts';

type RunsFlags = { readonly json?: boolean; readonly color: boolean };

export function runsCommand(): Command {
  return new Command('runs')
    .description(
      'Lists the runs of a folder, newest first, each with its start, target, rows, state, notes and the SHA-256 of its ' +
        `${CHECKSUMS_FILE}, to compare with the value that you kept. Reads only the end of each journal; dpsload report ` +
        '--check compares every file.',
    )
    .argument('[folder]', 'folder that holds the folders of runs', settingNamed('out').default as string)
    .option('--json', 'print a JSON array (default: no)')
    .addOption(noColorOption())
    .addHelpText('after', RUNS_HELP)
    .action(async (folder: string, { json = false, color }: RunsFlags) => {
      const runs = await listRuns(folder);
      if (json) process.stdout.write(`${JSON.stringify(runs, null, 2)}\n`);
      else if (runs.length > 0) process.stdout.write(runsText(folder, runs, paletteOf(process.stdout, color).dim));
      else process.stderr.write(`${folder} contains no run\n`);
    });
}

function runsText(folder: string, runs: readonly ListedRun[], dim: (text: string) => string): string {
  const rows = runs.map((run) => [
    run.startedAt?.slice(0, 19).replace('T', ' ') ?? ABSENT,
    withoutControls(relative(folder, run.folder)),
    run.target ?? ABSENT,
    run.rows === null ? ABSENT : formatNoun(run.rows, 'row'),
    describeState(run),
    Object.entries(run.notes)
      .map(([name, note]) => `${name}=${formatUntrusted(note)}`)
      .join(', ') || ABSENT,
    run.checksumsSha256 ?? ABSENT,
  ]);
  const [head = '', ...lines] = textTable(
    [['started (UTC)', 'run', 'target', 'fleet', 'state', 'notes', `SHA-256 of ${CHECKSUMS_FILE}`], ...rows],
    'left',
  );
  return `${[dim(head), ...lines].join('\n')}\n`;
}

function describeState({ state, end, devices }: ListedRun): string {
  const results = devices ?? 'no results: dpsload report makes them';
  switch (state) {
    case 'finished':
      return `finished, ${results}`;
    case 'stopped':
      return `stopped (${end}), resumable: ${results}`;
    case 'killed':
      return 'killed, resumable';
    case 'running':
    case 'unreadable':
      return state;
  }
}

const RUNS_HELP = `
States:
  finished     reached its planned end; "all devices assigned" only if every row
               of the fleet file was assigned
  stopped      ended early; resumable
  killed       has no end: the process died, or the power failed; resumable
  running      a process is using the folder
  unreadable   run.json or the journal is missing, damaged or of another version

Example:
  dpsload runs results --json
`;
