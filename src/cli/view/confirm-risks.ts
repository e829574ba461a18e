import { createInterface } from 'node:readline/promises';
import { estimateRun } from '../../load/run-estimate.ts';
import { OperatorError, problem } from '../../problem/operator-error.ts';
import { formatNoun } from '../../report/format.ts';
import { loadRisks } from '../../scenario/read/load-risks.ts';
import { isLoopbackTarget } from '../../scenario/read/resolve-load.ts';
import type { Scenario, Target } from '../../scenario/scenario.ts';
import { formatEstimate } from './describe-run.ts';
import { fitted } from './terminal-line.ts';

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
  await confirm(plan, risks, 'Add --yes to confirm, or leave quota and governor on');
}

/**
 * Likewise before a check registers devices, at a real service.
 *
 * @throws OperatorError `usage` without a terminal, or if the answer is no.
 */
export async function confirmTrial(
  target: Target,
  { devices, groups }: { readonly devices: number; readonly groups: number },
  yes: boolean,
): Promise<void> {
  if (isLoopbackTarget(target) || yes) return;
  const plan = `${describeEndpoint(target)}: registers ${formatNoun(devices, 'device')} of ${formatNoun(groups, 'group')}, at least ${formatNoun(devices, 'billed register request')}`;
  await confirm(plan, ['they stay registered'], 'Add --yes to confirm, or check without --try');
}

/** Asks with the plan and what speaks against it. @throws OperatorError `usage` without a terminal, or if the answer is no. */
export async function confirm(plan: string, reasons: readonly string[], remedy: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw refused(`${plan}: ${reasons.join('; ')}`, remedy);
  const list = `${plan}:\n${reasons.map((reason) => `  - ${reason}\n`).join('')}`;
  process.stderr.write(fitted(list, process.stderr));
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question('Type yes to continue: ');
    if (answer.trim().toLowerCase() !== 'yes') throw refused('not confirmed; nothing was changed', null);
  } finally {
    prompt.close();
  }
}

function describePlan(scenario: Scenario, { rows, registrations }: PlannedWork): string {
  const name = describeEndpoint(scenario.target);
  const requests = formatNoun(registrations, 'billed register request');
  const duration = formatEstimate(estimateRun(scenario.load, registrations / scenario.load.rounds).durationMs);
  const work = rows === null ? formatNoun(registrations, 'registration') : formatNoun(rows, 'row');
  return `${name}: ${work}, at least ${requests}, about ${duration}`;
}

function describeEndpoint(target: Target): string {
  return target.kind === 'emulator' ? 'EMULATOR' : `${target.host}, ID scope ${target.idScope}`;
}

function refused(message: string, remedy: string | null): OperatorError {
  return new OperatorError('usage', [problem(message, remedy)]);
}
