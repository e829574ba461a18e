import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { dpsload, type Ended } from './dpsload-program.ts';
import { onlyRunFolder } from './results.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Whether it needs redis-server. */
export function startsAgents({ text }: { readonly text: string }): boolean {
  return text.includes('localAgents:');
}

/** Whether it is for dpsload journey, which takes more steps than a run. */
export function isJourney({ name }: { readonly name: string }): boolean {
  return name === 'journey';
}

export type ScenarioRun = Ended & { readonly folder: string };

/** Runs a scenario by its name, as users do. */
export async function runScenario(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ScenarioRun> {
  const out = mkdtempSync(join(temporaryFolder(), 'out-'));
  const command = isJourney({ name }) ? ['journey', '--cleanup'] : ['run'];
  const ended = await dpsload([...command, '-s', `@${name}`, '--out', out, '--quiet', ...args], { env });
  return { ...ended, folder: onlyRunFolder(out) };
}

/** What the comment of a scenario says that it prints: lines that begin with a bar. */
export function documentedLines(text: string): readonly string[] {
  return [...text.matchAll(/^# {3}\| (.*)$/gm)].map(([, line = '']) => line);
}
