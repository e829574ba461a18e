import { formatPerMinute } from '../../preflight/capacity-findings.ts';
import type { CheckReport } from '../../preflight/check-run.ts';
import type { Finding, FindingLevel } from '../../preflight/finding.ts';
import { formatNoun } from '../../report/format.ts';
import { formatEstimate } from './describe-run.ts';

const MARKS: Readonly<Record<FindingLevel, string>> = {
  ok: 'ok',
  unknown: 'unknown',
  warning: 'warning',
  problem: 'PROBLEM',
};

/** The findings of a check as text. @param target as a run names it */
export function checkText({ findings, binding, registrations, durationMs }: CheckReport, target: string): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.map((finding) => findingLine(finding, width));
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  const unchecked = findings.filter(({ level }) => level === 'unknown').length;
  const open = unchecked === 0 ? '' : ` ${formatNoun(unchecked, 'thing')} could not be checked (unknown).`;
  return [
    `target: ${target}`,
    ...lines,
    '',
    `Binding limit: ${binding.name}, ${formatPerMinute(binding.perMinute)} (${binding.evidence}). ${binding.remedy}.`,
    `${formatNoun(registrations, 'registration')} take${registrations === 1 ? 's' : ''} about ${formatEstimate(durationMs)}.`,
    `At least ${formatNoun(registrations, 'billed register request')}; repeated requests are billed too.`,
    problems + warnings === 0
      ? `No problems found.${open}`
      : `${formatNoun(problems, 'problem')} and ${formatNoun(warnings, 'warning')} found.${open}`,
    'Nothing was registered.',
    '',
  ].join('\n');
}

function findingLine({ level, subject, evidence, remedy }: Finding, width: number): string {
  const advice = remedy === null ? '' : `. ${remedy}.`;
  return `${MARKS[level].padEnd(7)}  ${subject.padEnd(width)}  ${evidence}${advice}`;
}
