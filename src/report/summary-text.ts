import { LATENCY_METRICS } from '../metrics/latency-metric.ts';
import { accountsByColumn, describeAccount, describeSharedValue, resultRows } from './account-text.ts';
import {
  AGENT_TEXT_COLUMNS,
  AGENT_TEXT_NOTE,
  agentsShown,
  agentTextCells,
  clockSentence,
  labelTables,
  remarksOn,
} from './agents-text.ts';
import { allocationSections, allocationVerdictLines } from './allocation-text.ts';
import { auditDifferences } from './audit-schema.ts';
import { auditLines, auditVerdict } from './audit-text.ts';
import { loadWarnings } from './closed-model.ts';
import {
  formatCount,
  formatDuration,
  formatNoun,
  formatNumber,
  formatShare,
  formatUntrusted,
  withoutControls,
} from './format.ts';
import { DURATION_COLUMNS, durationCells, latencyLabel } from './latency-text.ts';
import { healthRows, limitedRemedy, limitedSentences, slotsSentence } from './load-generator-text.ts';
import { type Palette, PLAIN } from './palette.ts';
import { reachedPlannedEnd, type Summary } from './summary.ts';
import { textTable } from './text-table.ts';
import { describeThreshold, describeUnmet } from './threshold-text.ts';
import { unnamedWrongHubs, wrongHubRows, wrongHubTitle } from './wrong-hub.ts';

/** Error codes listed; `summary.json` has them all. */
const ERRORS_SHOWN_MAX = 10;

/** Agents listed; `summary.json` has them all. */
const AGENTS_SHOWN_MAX = 20;

const LABEL_CHARACTERS = 12;

/** As long as a note may be. */
const NOTE_CHARACTERS_MAX = 200;

/** The summary as text, target and verdict first. Ends with a line feed. */
export function summaryText(summary: Summary, palette: Palette = PLAIN): string {
  const sections = [
    headSection(summary, palette),
    resultSection(summary),
    latencySection(summary, palette),
    hubSection(summary, palette),
    wrongHubSection(summary, palette),
    ...allocationSections(summary, palette),
    ...columnSections(summary, palette),
    errorSection(summary, palette),
    healthSection(summary, palette),
    agentSection(summary, palette),
    ...labelSections(summary, palette),
    [...summary.warnings, ...loadWarnings(summary)].map((warning) =>
      labelled('warning', palette.warning(withoutControls(warning))),
    ),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headSection(summary: Summary, palette: Palette): string[] {
  const { target, fleet, name, sessions, mergedRuns, files } = summary;
  const rejected = fleet.rejectedRows === 0 ? '' : `, ${formatCount(fleet.rejectedRows)} left out`;
  const started = sessions.map(({ startedAt }) => startedAt).join(', ');
  return [
    labelled('target', palette.bold(target.label)),
    labelled('verdict', verdictLine(summary, palette)),
    ...allocationVerdictLines(summary, palette).map((line, place) => labelled(place === 0 ? 'allocation' : '', line)),
    ...limitedLines(summary, palette),
    ...thresholdLines(summary, palette),
    ...auditSection(summary, palette),
    ...(name === null ? [] : [labelled('run', formatUntrusted(name))]),
    ...Object.entries(summary.notes).map(([name, note], place) =>
      labelled(place === 0 ? 'notes' : '', `${name}: ${formatUntrusted(note, NOTE_CHARACTERS_MAX)}`),
    ),
    ...(mergedRuns === null ? [] : [labelled('merged', mergedRuns.map((run) => formatUntrusted(run)).join(', '))]),
    labelled('started', started),
    labelled(
      'fleet',
      `${withoutControls(fleet.file)}, ${formatNoun(fleet.rows + fleet.rejectedRows, 'row')}${rejected}`,
    ),
    labelled('SHA-256', fleet.digest),
    ...(files ?? [])
      .filter(({ name }) => name === 'registrations.csv')
      .map(({ name, sha256 }) => labelled('', `${sha256}  ${name}`)),
  ];
}

/** The verdicts in one line, for the end of an output that has scrolled the first lines away. */
export function verdictsInShort(summary: Summary, palette: Palette = PLAIN): string {
  const { allocation, thresholds } = summary;
  return [
    verdictLine(summary, palette),
    ...(allocation === null ? [] : [`allocation ${allocation.verdict}`]),
    ...(thresholds.length === 0 ? [] : [`thresholds: ${thresholdVerdict(thresholds, palette)}`]),
  ].join('; ');
}

function verdictLine(summary: Summary, palette: Palette): string {
  const { verdict, end, account } = summary;
  const rows = describeAccount(summary);
  const because = end?.message ? `: ${formatUntrusted(end.message)}` : '';
  switch (verdict) {
    case 'all-assigned':
      return palette.good(rows);
    case 'part-assigned':
      return account.leftOut > 0 ? palette.warning(rows) : palette.good(rows);
    case 'some-failed':
      return palette.bad(rows);
    case 'stopped':
      return palette.bad(
        reachedPlannedEnd(end) ? `some did not finish: ${rows}` : `stopped (${end?.reason}${because}): ${rows}`,
      );
    case 'unfinished':
      return palette.warning(`not finished (still running, or killed): ${rows}`);
  }
}

function limitedLines(summary: Summary, palette: Palette): string[] {
  const sentences = limitedSentences(summary);
  const lines = sentences.length === 0 ? [] : [...sentences, `${limitedRemedy(summary)}.`];
  const slots = slotsSentence(summary);
  return [
    ...lines.map((line, place) =>
      labelled(place === 0 ? 'limited' : '', palette.warning(`${place === 0 ? 'by the load generator: ' : ''}${line}`)),
    ),
    ...(slots === null ? [] : [labelled('slots', palette.warning(`${slots}.`))]),
  ];
}

function auditSection({ audit }: Summary, palette: Palette): string[] {
  if (audit === undefined) return [];
  const verdict = auditVerdict(audit);
  const shown = auditDifferences(audit) === 0 ? palette.good(verdict) : palette.bad(verdict);
  return [labelled('audit', shown), ...auditLines(audit).map((line) => labelled('', line))];
}

function thresholdLines({ thresholds }: Summary, palette: Palette): string[] {
  if (thresholds.length === 0) return [];
  const lines = thresholds.map((result) => {
    const word = result.passed ? palette.good('passed') : palette.bad(result.limited ? 'undecided' : 'failed');
    return labelled('', `${word}  ${describeThreshold(result)}`);
  });
  return [labelled('thresholds', thresholdVerdict(thresholds, palette)), ...lines];
}

function thresholdVerdict(thresholds: Summary['thresholds'], palette: Palette): string {
  const unmet = describeUnmet(thresholds, formatCount(thresholds.length));
  if (unmet !== null) return palette.bad(unmet);
  return palette.good(thresholds.length === 1 ? 'passed' : `all ${formatCount(thresholds.length)} passed`);
}

function resultSection(summary: Summary): string[] {
  const { possiblyTwice, requests, throughput } = summary;
  const met: readonly (readonly [count: number, noun: string])[] = [
    [requests.throttles, 'throttle'],
    [requests.serverErrors, 'server error'],
    [requests.staleAnswers, 'stale answer'],
    [requests.retryAftersClamped, 'clamped retry-after'],
  ];
  return [
    labelled(
      'results',
      resultRows(summary)
        .map(({ label, count }) => `${formatCount(count)} ${label}`)
        .join(', '),
    ),
    ...(possiblyTwice === 0
      ? []
      : [
          labelled('', `${formatCount(possiblyTwice)} possibly registered twice (possibly_twice in registrations.csv)`),
        ]),
    labelled(
      'requests',
      [
        describeRegisters(requests),
        formatNoun(requests.polls, 'poll'),
        formatNoun(requests.connections, 'connection'),
        ...met.filter(([count]) => count > 0).map(([count, noun]) => formatNoun(count, noun)),
      ].join(', '),
    ),
    ...(requests.registersReplaced === 0
      ? []
      : [
          labelled(
            '',
            `${formatNoun(requests.registersReplaced, 'register request')} by registrations that were made again (not in registrations.csv)`,
          ),
        ]),
    ...throughputLines(throughput).map((line, index) => labelled(index === 0 ? 'throughput' : '', line)),
  ];
}

/** First the rates while the run launched; the last line includes the tail, in which the last registrations ended. */
function throughputLines({
  launchedPerSecond = null,
  steadyEndedPerSecond = null,
  endedPerSecond,
  activeMs,
}: Summary['throughput']): readonly string[] {
  const whole = `${formatNumber(endedPerSecond)} registrations/s over ${formatDuration(activeMs)}`;
  if (launchedPerSecond === null) return [whole];
  const steady = steadyEndedPerSecond === null ? '' : `, ${formatNumber(steadyEndedPerSecond)}/s ended in steady state`;
  return [`${formatNumber(launchedPerSecond)}/s launched${steady}`, `${whole}, the tail included`];
}

/** `700 register requests (billed)`; after a crash `700 known register requests, up to 28 more (billed)`. */
function describeRegisters({
  registersSent,
  registersUncounted,
}: Pick<Summary['requests'], 'registersSent' | 'registersUncounted'>): string {
  if (registersUncounted === 0) return `${formatNoun(registersSent, 'register request')} (billed)`;
  return `${formatNoun(registersSent, 'known register request')}, up to ${formatCount(registersUncounted)} more (billed)`;
}

function latencySection(summary: Summary, palette: Palette): string[] {
  const { latency, results } = summary;
  const clocks = clockSentence(summary);
  const rows = LATENCY_METRICS.flatMap((metric) => {
    const durations = latency[metric];
    return durations === null ? [] : [[latencyLabel(metric, '  '), ...durationCells(durations)]];
  });
  if (rows.length === 0) return [];
  const [head = '', ...lines] = textTable([['', ...DURATION_COLUMNS], ...rows]);
  const clamped = Object.values(latency).reduce((sum, durations) => sum + (durations?.clamped ?? 0), 0);
  return [
    palette.bold(`latency of ${formatNoun(results.assigned, 'assigned registration')}, in ms`),
    palette.dim(head),
    ...lines,
    ...(clamped === 0 ? [] : [`${formatNoun(clamped, 'duration')} below 0 or above 1 h counted as 0 or 1 h`]),
    ...(clocks === null ? [] : [clocks]),
  ];
}

function hubSection({ hubs, expectedHubs }: Summary, palette: Palette): string[] {
  if (hubs.length === 0) return [];
  return [
    palette.bold('assigned hubs'),
    ...textTable(hubs.map(({ hub, count, share }) => [formatUntrusted(hub), formatCount(count), formatShare(share)])),
    ...(expectedHubs === null ? [] : [describeExpectedHubs(expectedHubs)]),
  ];
}

/** `997 assigned to the expected hub, 3 to another hub` */
export function describeExpectedHubs({ asExpected, elsewhere }: NonNullable<Summary['expectedHubs']>): string {
  return `${formatCount(asExpected)} assigned to the expected hub, ${formatCount(elsewhere)} to another hub`;
}

function wrongHubSection(summary: Summary, palette: Palette): readonly string[] {
  const title = wrongHubTitle(summary);
  if (title === null) return [];
  return [palette.bad(title), ...textTable(wrongHubRows(summary), 'left'), ...unnamedWrongHubs(summary)];
}

function columnSections(summary: Summary, palette: Palette): readonly string[][] {
  return accountsByColumn(summary).map(({ column, rows }) => [
    palette.bold(`results by ${formatUntrusted(column)}`),
    ...textTable(rows),
  ]);
}

function errorSection({ errors, sharedValues }: Summary, palette: Palette): string[] {
  if (errors.length === 0) return [];
  const unlisted = errors.length - ERRORS_SHOWN_MAX;
  return [
    palette.bold('errors'),
    ...errors
      .slice(0, ERRORS_SHOWN_MAX)
      .flatMap(({ code, count, message, firstRow, remedy }) => [
        `${palette.bad(formatUntrusted(code))}  ${formatCount(count)}, first in row ${formatCount(firstRow + 1)}` +
          `${message === null ? '' : `: ${formatUntrusted(message)}`}`,
        ...(remedy === null ? [] : [`  ${palette.dim(`${remedy}.`)}`]),
      ]),
    ...sharedValues.slice(0, ERRORS_SHOWN_MAX).map(describeSharedValue),
    ...(unlisted > 0 ? [`${formatNoun(unlisted, 'more code')} in summary.json`] : []),
  ];
}

function healthSection(summary: Summary, palette: Palette): string[] {
  if (summary.loadGenerator.cpuShareMean === null) return [];
  return [palette.bold('load generator'), ...textTable(healthRows(summary), 'left')];
}

function agentSection({ agents }: Summary, palette: Palette): string[] {
  if (agents === undefined) return [];
  const shown = agentsShown(agents, AGENTS_SHOWN_MAX);
  const left = agents.agents.length - shown.length;
  const [head = '', ...lines] = textTable([['', ...AGENT_TEXT_COLUMNS], ...shown.map(agentTextCells)]);
  return [
    palette.bold(formatNoun(agents.agents.length, 'agent')),
    palette.dim(head),
    ...shown.flatMap((agent, place) => [lines[place] ?? '', ...remarkLines(agent)]),
    ...(left > 0 ? [`${formatNoun(left, 'more agent')} in summary.json`] : []),
    palette.dim(AGENT_TEXT_NOTE),
  ];
}

/** On a line of its own: beside the table, a terminal of 100 columns would break it. */
function remarkLines(agent: Parameters<typeof remarksOn>[0]): readonly string[] {
  const remarks = remarksOn(agent);
  return remarks.length === 0 ? [] : [`  ${remarks.join(', ')}`];
}

function labelSections({ agents }: Summary, palette: Palette): readonly string[][] {
  if (agents === undefined) return [];
  return labelTables(agents).map(({ label, rows }) => [
    palette.bold(`hubs by ${formatUntrusted(label)} of the agents`),
    ...textTable(rows),
  ]);
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_CHARACTERS)}${text}`;
}
