import { formatPerMinute } from '../../preflight/capacity-findings.ts';
import type { CheckReport } from '../../preflight/check-run.ts';
import type { Finding, FindingLevel } from '../../preflight/finding.ts';
import type { TriedDevice } from '../../preflight/try-findings.ts';
import { formatNoun } from '../../report/format.ts';
import { formatEstimate } from './describe-run.ts';

const MARKS: Readonly<Record<FindingLevel, string>> = {
  ok: 'ok',
  unknown: 'unknown',
  warning: 'warning',
  problem: 'PROBLEM',
};

/** At most this many devices are named. */
const DEVICES_NAMED_MAX = 10;

/**
 * The findings of a check as text.
 *
 * @param target as a run names it
 * @param isEmulator the target is the emulator, which ends with the check
 */
export function checkText(report: CheckReport, target: string, isEmulator: boolean): string {
  const { findings, binding, registrations, durationMs, lastLaunchMs, tried } = report;
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
    `${formatNoun(registrations, 'registration')} take${registrations === 1 ? 's' : ''} about ${formatEstimate(durationMs)}, ${formatEstimate(lastLaunchMs)} until the last launch.`,
    `At least ${formatNoun(registrations, 'billed register request')}; repeated requests are billed too.`,
    problems + warnings === 0
      ? `No problems found.${open}`
      : `${formatNoun(problems, 'problem')} and ${formatNoun(warnings, 'warning')} found.${open}`,
    registeredText(tried ?? [], isEmulator),
    '',
  ].join('\n');
}

/** What the check has changed at the target. */
function registeredText(tried: readonly TriedDevice[], isEmulator: boolean): string {
  const of = (registered: TriedDevice['registered']): readonly string[] =>
    tried.filter((device) => device.registered === registered).map(({ registrationId }) => registrationId);
  const [yes, maybe] = [of('yes'), of('maybe')];
  if (yes.length + maybe.length === 0) return 'Nothing was registered.';
  if (isEmulator) return `${formatNoun(yes.length, 'device')} registered with the emulator, which has ended.`;
  const are = (ids: readonly string[], verb: string): string =>
    `${formatNoun(ids.length, 'device')} ${verb}: ${named(ids)}.`;
  return [
    ...(yes.length === 0 ? [] : [are(yes, `${yes.length === 1 ? 'is' : 'are'} registered now`)]),
    ...(maybe.length === 0 ? [] : [are(maybe, 'may be registered now')]),
    'A run registers them again, which is billed; with --expect new, it reports that the service already knows them.',
  ].join(' ');
}

function named(ids: readonly string[]): string {
  const more = ids.length - DEVICES_NAMED_MAX;
  const shown = ids.slice(0, DEVICES_NAMED_MAX).join(', ');
  return more > 0 ? `${shown} and ${formatNoun(more, 'other')}` : shown;
}

function findingLine({ level, subject, evidence, remedy }: Finding, width: number): string {
  const advice = remedy === null ? '' : `. ${remedy}.`;
  return `${MARKS[level].padEnd(7)}  ${subject.padEnd(width)}  ${evidence}${advice}`;
}
