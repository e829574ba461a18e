import { describe, expect, it } from 'vitest';
import { sourceFiles } from '../support/source-file.ts';

/**
 * What no command should load before it needs it: zod, yaml, hdr-histogram-js and mqtt took 40 to 130 ms of CPU time each. Of hdr-histogram-js
 * this means the entry: `metrics/hdr-histogram.ts` loads the small part that counts.
 */
const SLOW = ['@peculiar/x509', 'hdr-histogram-js', 'log-update', 'mqtt', 'piscina', 'ws', 'yaml', 'zod'];

const files = new Map(sourceFiles().map((file) => [file.path, file]));

/** The slow libraries that are loaded with a file, before anything in it is called. */
function slowLibrariesOf(path: string): readonly string[] {
  const reached = new Set<string>([path]);
  // A set is iterated up to what is added meanwhile.
  for (const file of reached) {
    for (const { of, kind } of files.get(file)?.imports ?? []) if (kind === 'code') reached.add(of);
  }
  return SLOW.filter((library) => reached.has(library));
}

describe('the slow libraries that are loaded at once', () => {
  it.each<[path: string, libraries: readonly string[]]>([
    ['cli/main.ts', []],
    ['cli/commands/options.ts', []],
    ['cli/commands/run-help.ts', []],
    ['cli/commands/run-command.ts', ['yaml', 'zod']],
    ['cli/commands/resume-command.ts', ['yaml', 'zod']],
    ['cli/commands/check-command.ts', ['yaml', 'zod']],
    ['cli/commands/report-command.ts', ['zod']],
    ['cli/commands/runs-command.ts', ['zod']],
    ['cli/commands/compare-command.ts', ['zod']],
    ['cli/commands/emulator-command.ts', ['@peculiar/x509', 'ws', 'yaml', 'zod']],
    ['cli/commands/scenario-command.ts', ['yaml', 'zod']],
    ['cli/commands/fleet-command.ts', []],
    ['cli/commands/certs-command.ts', ['@peculiar/x509']],
    ['cli/commands/sas-command.ts', []],
    ['cli/commands/execute-run.ts', ['piscina']],
    ['cli/view/show-progress.ts', []],
    ['run/register-fleet.ts', ['zod']],
    ['worker/registration-worker.ts', []],
  ])('with %s are %j', (path, libraries) => {
    expect(slowLibrariesOf(path)).toEqual(libraries);
  });
});
