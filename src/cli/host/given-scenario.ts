import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { OperatorError, unreadableFile } from '../../problem/operator-error.ts';
import { type Flags, SCENARIO_VARIABLE } from '../../scenario/read/gather-settings.ts';
import { type ResolvedScenario, resolveScenario, type ScenarioInput } from '../../scenario/read/resolve-scenario.ts';
import type { Environment } from '../../scenario/scenario.ts';
import { secretFileNameProblem } from './secret-file-names.ts';
import { shippedScenarioFile } from './shipped-scenarios.ts';

/** The scenario of flags, environment, and the file that `-s` names. @throws OperatorError with all that is wrong with them */
export function givenScenario(flags: Flags, file: string | undefined, environment: Environment): ResolvedScenario {
  const scenarioFile = readScenarioFile(file ?? environment[SCENARIO_VARIABLE] ?? '');
  return resolveScenario({ flags, environment, scenarioFile, cores: availableParallelism() });
}

/** `@NAME` is a scenario that ships with the package. */
function readScenarioFile(given: string): ScenarioInput['scenarioFile'] {
  if (given === '') return null;
  const secretName = secretFileNameProblem(SCENARIO_VARIABLE, given);
  if (secretName !== null) throw new OperatorError('usage', [secretName]);
  const file = given.startsWith('@') ? shippedScenarioFile(given.slice(1)) : given;
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw unreadableFile(file, error);
  }
}
