import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { unreadableFile } from '../problem/unreadable-file.ts';
import type { Environment } from '../scenario/environment.ts';
import { type Flags, SCENARIO_VARIABLE } from '../scenario/gather-settings.ts';
import { type ResolvedScenario, resolveScenario, type ScenarioInput } from '../scenario/resolve-scenario.ts';
import { shippedScenarioFile } from './shipped-scenarios.ts';

/** The scenario of flags, environment, and the file that `-s` names. @throws OperatorError with all that is wrong with them */
export function givenScenario(flags: Flags, file: string | undefined, environment: Environment): ResolvedScenario {
  const scenarioFile = readScenarioFile(file ?? environment[SCENARIO_VARIABLE] ?? '');
  return resolveScenario({ flags, environment, scenarioFile, cores: availableParallelism() });
}

/** `@NAME` is a scenario that ships with the package. */
function readScenarioFile(given: string): ScenarioInput['scenarioFile'] {
  if (given === '') return null;
  const file = given.startsWith('@') ? shippedScenarioFile(given.slice(1)) : given;
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw unreadableFile(file, error);
  }
}
