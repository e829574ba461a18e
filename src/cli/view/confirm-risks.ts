import { createInterface } from 'node:readline/promises';
import { estimateRun } from '../../load/run-estimate.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { formatNoun } from '../../report/format.ts';
import { loadRisks } from '../../scenario/read/load-risks.ts';
import type { Scenario } from '../../scenario/scenario.ts';
import { formatEstimate } from './describe-run.ts';

/** What to register; `rows` is `null` for a resumed run, which may have only some rounds of a row left. */
export type PlannedWork = { readonly rows: number | null; readonly registrations: number };

/**
 * Asks for confirmation, with target, rows, billed register requests and duration, before a run that could affect other users of
 * a real service.
 *
 * @param yes the operator has confirmed on the command line.
 * @throws OperatorError `usage` without a terminal, or if the answer is no.
 */
export async function confirmRisks(scenario: Scenario, work: PlannedWork, yes: boolean): Promise<void> {
  const risks = loadRisks(scenario);
  if (risks.length === 0 || yes) return;
  const plan = describePlan(scenario, work);
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw refused(`${plan}: ${risks.join('; ')}`, 'Add --yes to confirm, or leave quota and governor on');
  }
  process.stderr.write(`${plan}:\n${risks.map((risk) => `  - ${risk}\n`).join('')}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Type yes to continue: ');
    if (answer.trim().toLowerCase() !== 'yes') throw refused('not confirmed; nothing was sent', null);
  } finally {
    prompt.close();
  }
}

function describePlan(scenario: Scenario, { rows, registrations }: PlannedWork): string {
  const { target } = scenario;
  const name = target.kind === 'emulator' ? 'EMULATOR' : `${target.host}, ID scope ${target.idScope}`;
  const requests = formatNoun(registrations, 'billed register request');
  const duration = formatEstimate(estimateRun(scenario.load, registrations / scenario.load.rounds).durationMs);
  const work = rows === null ? formatNoun(registrations, 'registration') : formatNoun(rows, 'row');
  return `${name}: ${work}, at least ${requests}, about ${duration}`;
}

function refused(message: string, remedy: string | null): OperatorError {
  return new OperatorError('usage', [problem(message, remedy)]);
}
