import { Option } from 'commander';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { lastRunFolder } from '../../run-folder/earlier-runs.ts';
import { settingNamed } from '../../scenario/settings/settings.ts';

/** How a command names the run that it continues. */
export type FolderFlags = { readonly last?: true; readonly out: string };

/** @param verb what the command does with the run */
export function folderOptions(verb: string): readonly Option[] {
  return [
    new Option('--last', `${verb} the newest run under --out (default: no)`),
    new Option('-o, --out <folder>', 'folder in which --last looks for runs').default(
      settingNamed('out').default as string,
    ),
  ];
}

/** @throws OperatorError `usage` when neither a folder nor --last is given, or both */
export function namedRunFolder(command: string, folder: string | undefined, { last, out }: FolderFlags): string {
  if ((folder === undefined) === (last === undefined)) {
    const message = folder === undefined ? 'no run given' : 'both a run and --last given';
    const remedy = `Name the folder of the run (dpsload ${command} RUN_DIR), or give --last for the newest one under --out`;
    throw new OperatorError('usage', [problem(message, remedy)]);
  }
  return folder ?? lastRunFolder(out);
}
