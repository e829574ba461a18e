import type { EnrollSummary } from '../../enroll-folder/enroll-results.ts';
import { quoteForShell } from '../../files/quote-for-shell.ts';
import { type AuditSummary, auditDifferences } from '../../report/audit-schema.ts';
import { formatCount, formatNoun } from '../../report/format.ts';
import { failsByHubCheck } from '../../report/hub-check-text.ts';
import type { Summary } from '../../report/summary.ts';
import { REMOVAL_STATES, type RemovalState } from '../../run-folder/cleanup-file.ts';
import { RUN_PLACE } from '../../run-folder/run-folder.ts';

/** Folder of the first step, in that of its journey. */
export const ENROLL_PLACE = 'enroll';

/** In order. */
export type StepName = 'enroll' | 'register' | 'hub check' | 'audit' | 'clean up';

/** What came of a step. */
export type StepEnd = {
  readonly step: StepName;
  /** In a line. */
  readonly text: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly exitCode: number;
  /** Whether it went well for every device: thresholds may pass where it did not. */
  readonly isWhole: boolean;
};

/** A journey so far, as journey.json has it. */
export type JourneyEnd = {
  readonly version: 1;
  readonly dpsloadVersion: string;
  /** As every file names it. */
  readonly target: string;
  readonly devices: number;
  readonly steps: readonly StepEnd[];
  /** `null` = it has not ended: it is in progress, or was killed. */
  readonly exitCode: number | null;
};

/** The counts that are not 0, as `480 created, 20 exists-same`. */
function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.map(([what, count]) => `${formatCount(count)} ${what}`).join(', ') || 'nothing to do';
}

export function enrollEnd({ states, notDone }: EnrollSummary, exitCode: number): StepEnd {
  const counts = { ...states, 'not done': notDone };
  return { step: 'enroll', text: listed(counts), counts, exitCode, isWhole: exitCode === 0 };
}

/** @param summary `null` = it was stopped at once */
export function registerEnds(summary: Summary | null, exitCode: number): readonly StepEnd[] {
  const step = 'register';
  if (summary === null)
    return [{ step, text: 'stopped at once; its journal is intact', counts: {}, exitCode, isWhole: false }];
  const { results, plannedRegistrations, hubs, verdict } = summary;
  const isWhole = verdict === 'all-assigned';
  const notAssigned = Object.entries(results).filter(([result, count]) => result !== 'assigned' && count > 0);
  const others = notAssigned.length === 0 ? 'not complete' : listed(Object.fromEntries(notAssigned));
  const hubsText = hubs.length === 0 ? '' : `, at ${formatNoun(hubs.length, 'hub')}`;
  const of = `${formatCount(results.assigned)} of ${formatCount(plannedRegistrations)} assigned${hubsText}`;
  const isOfHubs = isWhole && failsByHubCheck(summary);
  const registered: StepEnd = {
    step,
    text: isWhole ? of : [of, others].join('; '),
    counts: { ...results },
    exitCode: isOfHubs ? 0 : exitCode,
    isWhole,
  };
  return [registered, ...hubCheckEnds(summary, isOfHubs ? exitCode : 0)];
}

function hubCheckEnds({ hubCheck }: Summary, exitCode: number): readonly StepEnd[] {
  if (hubCheck === undefined) return [];
  const { check, devices, sampled, passed, failed, left } = hubCheck;
  const counts = { devices, sampled, passed, failed, left };
  const of = sampled === devices ? 'all devices' : `sampled from ${formatNoun(devices, 'device')}`;
  const text = `${listed({ passed, failed, 'not checked': left })} (${check}, ${of})`;
  return [{ step: 'hub check', text, counts, exitCode, isWhole: failed + left === 0 }];
}

/** @param audit `null` = it was stopped */
export function auditEnd(audit: AuditSummary | null, exitCode: number): StepEnd {
  if (audit === null) return { step: 'audit', text: 'stopped', counts: {}, exitCode, isWhole: false };
  const { notSent, removed, ...rows } = audit.rows;
  const counts = { ...rows, 'not sent': notSent, 'cleaned up': removed, extra: audit.extra ?? 0 };
  const { agrees, ...others } = counts;
  const text = listed({ [agrees === 1 ? 'record agrees' : 'records agree']: agrees, ...others });
  const isWhole = auditDifferences(audit) + rows.resolved + rows.unresolved + notSent === 0;
  return { step: 'audit', text, counts, exitCode, isWhole };
}

type Removals = Readonly<Record<RemovalState, number>>;

/** Each is `null` where nothing was to be done, or it was cut off. */
export function cleanupEnd(records: Removals | null, enrollments: Removals | null, exitCode: number): StepEnd {
  const counts = { ...named('record', records), ...named('enrollment', enrollments) };
  return { step: 'clean up', text: listed(counts), counts, exitCode, isWhole: exitCode === 0 };
}

function named(noun: string, removals: Removals | null): Readonly<Record<string, number>> {
  const states = removals === null ? [] : REMOVAL_STATES;
  return Object.fromEntries(states.map((state) => [`${noun}s ${state}`, removals?.[state] ?? 0]));
}

const PLACES: Readonly<Record<StepName, string>> = {
  enroll: `${ENROLL_PLACE}/`,
  register: `${RUN_PLACE}/`,
  'hub check': `${RUN_PLACE}/`,
  audit: `${RUN_PLACE}/`,
  'clean up': `${RUN_PLACE}/, ${ENROLL_PLACE}/`,
};

/** A line for each step, with its folder. */
export function journeyText({ target, devices, steps }: JourneyEnd): string {
  const width = Math.max(...steps.map(({ text }) => text.length));
  const lines = steps.map(({ step, text }) => `${step.padEnd(9)}  ${text.padEnd(width)}  ${PLACES[step]}`);
  return [`journey    ${formatNoun(devices, 'device')}, ${target}`, ...lines, ''].join('\n');
}

/** The file that says what went wrong in a step. */
const DETAILS: Readonly<Record<StepName, string>> = {
  enroll: `${ENROLL_PLACE}/enrollments.csv`,
  register: `${RUN_PLACE}/failures.csv`,
  'hub check': `${RUN_PLACE}/hub-checks.csv`,
  audit: `${RUN_PLACE}/audit.csv`,
  'clean up': `${RUN_PLACE}/cleanup.csv and ${ENROLL_PLACE}/cleanup.csv`,
};

/** Where a journey is, and whether it can go on. */
export type JourneyPlace = {
  readonly folder: string;
  /** Why it cannot go on: the embedded emulator has ended, or nothing has begun and the folder is gone; `null` = it can. */
  readonly isOver: 'emulator' | 'not-begun' | null;
  /** `--cleanup`, which a resumed journey must be told again. */
  readonly cleansUp: boolean;
};

/** As in the table of exit codes. */
const SOME_FAILED = 3;
const THRESHOLD_FAILED = 99;

/** Where to look, in whole sentences (`null` = nowhere), and commands to go on with, each after its label. */
export type NextSteps = { readonly advice: string | null; readonly commands: readonly string[] };

/** How to go on from where a journey did not go well; `null` = all is well. */
export function nextSteps(
  { steps, exitCode }: Pick<JourneyEnd, 'steps' | 'exitCode'>,
  { folder, isOver, cleansUp }: JourneyPlace,
): NextSteps | null {
  const short = steps.find((step) => step.exitCode !== 0) ?? steps.find(({ isWhole }) => !isWhole);
  if (short === undefined) return null;
  if (isOver === 'not-begun')
    return { advice: 'Nothing was changed at the service. Start the journey again.', commands: [] };
  const isOfRows = exitCode === SOME_FAILED;
  const sentences = isOfRows ? [`${DETAILS[short.step]} says what went wrong.`] : [];
  if (exitCode === THRESHOLD_FAILED)
    sentences.push(`${RUN_PLACE}/report.html shows which threshold or verdict failed.`);
  const differing = short.step === 'enroll' && isOfRows ? (short.counts['exists-different'] ?? 0) : 0;
  if (differing > 0) {
    const change = `overwrite ${differing === 1 ? 'it' : 'them'} with --update`;
    sentences.push(`Correct the fleet or the enrollments, or ${change}; then start the journey again.`);
  } else if (isOver === 'emulator') {
    sentences.push('To try again, start a new journey: the embedded emulator has ended, and its records with it.');
  }
  const advice = sentences.length === 0 ? null : sentences.join(' ');
  if (differing > 0 || isOver === 'emulator') return { advice, commands: [] };
  const resume = `resume: dpsload journey --resume ${quoteForShell(folder)}${cleansUp ? ' --cleanup' : ''}`;
  const retry = `refused devices: dpsload resume ${quoteForShell(`${folder}/${RUN_PLACE}`)} --retry-failed`;
  return { advice, commands: isOfRows && short.step === 'register' ? [retry, resume] : [resume] };
}
