import { createInterface } from 'node:readline/promises';
import { OperatorError, type Problem } from '../problem/operator-error.ts';
import { loadRisks } from '../scenario/load-risks.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { estimateDuration } from './estimate-duration.ts';

const HOUR_MS = 3_600_000;

/** What is to be registered: each row in one round or more. */
export type PlannedWork = { readonly rows: number; readonly registrations: number };

/**
 * Asks before anything that could take from others at a real service: with target, rows, billed register calls and hours.
 *
 * @param yes the operator has said so on the command line.
 * @throws OperatorError `usage` when there is nobody to ask, or the answer is no.
 */
export async function confirmRisks(scenario: Scenario, work: PlannedWork, yes: boolean): Promise<void> {
  const risks = loadRisks(scenario);
  if (risks.length === 0 || yes) return;
  const plan = describePlan(scenario, work);
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw refused(`${plan}: ${risks.join('; ')}`, 'Add --yes if that is meant, or stay within the quota');
  }
  process.stderr.write(`${plan}:\n${risks.map((risk) => `  - ${risk}\n`).join('')}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Go on? Type yes: ');
    if (answer.trim().toLowerCase() !== 'yes') throw refused('not confirmed; nothing was sent', null);
  } finally {
    prompt.close();
  }
}

function describePlan(scenario: Scenario, { rows, registrations }: PlannedWork): string {
  const { target } = scenario;
  const name = target.kind === 'emulator' ? 'EMULATOR' : `${target.host}, ID scope ${target.idScope}`;
  const hours = (estimateDuration(registrations, scenario).durationMs / HOUR_MS).toFixed(2);
  return `${name}: ${rows} rows, at least ${registrations} billed register calls, about ${hours} hours`;
}

function refused(message: string, remedy: string | null): OperatorError {
  const found: Problem = { file: null, line: null, column: null, message, remedy };
  return new OperatorError('usage', [found]);
}
