import type { DurationSummary } from '../metrics/duration-histogram.ts';
import type { LatencyMetric } from '../metrics/latency-histograms.ts';
import { FAILED_RESULTS } from '../metrics/outcome-counts.ts';
import { REGISTRATION_RESULTS } from '../registration/registration-outcome.ts';
import { allocationSections, allocationVerdictLine } from './allocation-text.ts';
import { describeThreshold } from './describe-threshold.ts';
import {
  ABSENT,
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatNoun,
  formatNumber,
  formatShare,
  formatUntrusted,
  withoutControls,
} from './format.ts';
import { HEALTH_LABELS } from './health-labels.ts';
import { type Palette, PLAIN } from './palette.ts';
import { leftOf, reachedPlannedEnd, type Summary } from './summary.ts';
import { textTable } from './text-table.ts';

/** Codes that are listed; `summary.json` has them all. */
const ERRORS_SHOWN_MAX = 10;
const MESSAGE_CHARACTERS_MAX = 100;
const LABEL_CHARACTERS = 12;

const LATENCY_LABELS: Readonly<Record<LatencyMetric, string>> = {
  response: 'response',
  held: '  held',
  startLag: '  start lag',
  service: '  service',
  waited: '  waited',
  tcp: 'tcp',
  tls: 'tls',
  connack: 'connack',
  suback: 'suback',
  accepted: 'accepted',
  assigned: 'assigned',
  allocation: 'allocation',
  responseNotAssigned: 'response, not assigned',
};

/** The summary for people, target and verdict first. Ends with a line feed. */
export function summaryText(summary: Summary, palette: Palette = PLAIN): string {
  const sections = [
    headSection(summary, palette),
    resultSection(summary),
    latencySection(summary, palette),
    hubSection(summary, palette),
    ...allocationSections(summary, palette),
    errorSection(summary, palette),
    healthSection(summary, palette),
    summary.warnings.map((warning) => labelled('warning', palette.warning(withoutControls(warning)))),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headSection(summary: Summary, palette: Palette): string[] {
  const { target, fleet, name, sessions, mergedRuns, files } = summary;
  const rejected = fleet.rejectedRows === 0 ? '' : `, ${formatCount(fleet.rejectedRows)} rejected`;
  const started = sessions.map(({ startedAt }) => startedAt).join(', ');
  return [
    labelled('target', palette.bold(target.label)),
    labelled('verdict', verdictLine(summary, palette)),
    ...allocationVerdictLine(summary, palette).map((line) => labelled('allocation', line)),
    ...limitedLines(summary, palette),
    ...thresholdLines(summary, palette),
    ...(name === null ? [] : [labelled('run', untrusted(name))]),
    ...(mergedRuns === null ? [] : [labelled('merged', mergedRuns.map(untrusted).join(', '))]),
    labelled('started', started),
    labelled('fleet', `${withoutControls(fleet.file)}, ${formatNoun(fleet.rows, 'row')}${rejected}`),
    labelled('SHA-256', fleet.digest),
    ...(files ?? [])
      .filter(({ name }) => name === 'registrations.csv')
      .map(({ name, sha256 }) => labelled('', `${sha256}  ${name}`)),
  ];
}

function verdictLine(summary: Summary, palette: Palette): string {
  const { results, verdict, end } = summary;
  const failed = FAILED_RESULTS.reduce((sum, result) => sum + results[result], 0);
  const left = leftOf(summary);
  const counts = [
    `${formatCount(results.assigned)} assigned`,
    `${formatCount(failed)} failed`,
    ...(left === 0 ? [] : [`${formatCount(left)} left`]),
  ].join(', ');
  const because = end?.message ? `: ${formatUntrusted(end.message, MESSAGE_CHARACTERS_MAX)}` : '';
  switch (verdict) {
    case 'all-assigned':
      return palette.good(
        end?.reason === 'limit' ? `all assigned up to the limit: ${counts}` : `all assigned: ${counts}`,
      );
    case 'some-failed':
      return palette.bad(`some failed: ${counts}`);
    case 'stopped':
      return palette.bad(
        reachedPlannedEnd(end) ? `some came to no end: ${counts}` : `stopped (${end?.reason}${because}): ${counts}`,
      );
    case 'unfinished':
      return palette.warning(`not finished, going on or killed; so far ${counts}`);
  }
}

function limitedLines({ loadGenerator }: Summary, palette: Palette): string[] {
  return loadGenerator.limits
    .filter(({ exceeded }) => exceeded)
    .map(({ name, observed, limit }) => {
      const [label, unit] = HEALTH_LABELS[name];
      const measured = `${label} ${formatNumber(observed)}${unit} is over ${formatNumber(limit)}${unit}`;
      return labelled('limited', palette.warning(`by the load generator: ${measured}`));
    });
}

function thresholdLines({ thresholds }: Summary, palette: Palette): string[] {
  if (thresholds.length === 0) return [];
  const failed = thresholds.filter(({ passed }) => !passed).length;
  const verdict =
    failed === 0
      ? palette.good(`all ${formatCount(thresholds.length)} passed`)
      : palette.bad(`${formatCount(failed)} of ${formatCount(thresholds.length)} failed`);
  const lines = thresholds.map((result) => {
    const word = result.passed ? palette.good('passed') : palette.bad('failed');
    return labelled('', `${word}  ${describeThreshold(result)}`);
  });
  return [labelled('thresholds', verdict), ...lines];
}

function resultSection({ results, possiblyTwice, requests, throughput }: Summary): string[] {
  const counts = REGISTRATION_RESULTS.filter((result) => result === 'assigned' || results[result] > 0);
  const met: readonly (readonly [count: number, noun: string])[] = [
    [requests.throttles, 'throttle'],
    [requests.serverErrors, 'server error'],
    [requests.staleAnswers, 'stale answer'],
    [requests.retryAftersClamped, 'clamped retry-after'],
  ];
  return [
    labelled('results', counts.map((result) => `${formatCount(results[result])} ${result}`).join(', ')),
    ...(possiblyTwice === 0
      ? []
      : [
          labelled('', `${formatCount(possiblyTwice)} possibly registered twice (possibly_twice in registrations.csv)`),
        ]),
    labelled(
      'requests',
      [
        `${formatNoun(requests.registersSent, 'register call')} (billed)`,
        formatNoun(requests.polls, 'poll'),
        formatNoun(requests.connections, 'connection'),
        ...met.filter(([count]) => count > 0).map(([count, noun]) => formatNoun(count, noun)),
      ].join(', '),
    ),
    labelled(
      'throughput',
      `${formatNumber(throughput.endedPerSecond)} registrations/s over ${formatDuration(throughput.activeMs)}`,
    ),
  ];
}

function latencySection({ latency, results }: Summary, palette: Palette): string[] {
  const measured = (Object.keys(LATENCY_LABELS) as LatencyMetric[]).filter((metric) => latency[metric] !== null);
  if (measured.length === 0) return [];
  const rows = measured.map((metric) => [LATENCY_LABELS[metric], ...durationCells(latency[metric])]);
  const [head = '', ...lines] = textTable([['', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max', 'mean', 'count'], ...rows]);
  const clamped = measured.reduce((sum, metric) => sum + (latency[metric]?.clamped ?? 0), 0);
  return [
    palette.bold(`latency in ms, of the ${formatCount(results.assigned)} assigned`),
    palette.dim(head),
    ...lines,
    ...(clamped === 0 ? [] : [`${formatNoun(clamped, 'duration')} below 0 or over 1 h counted as 0 or 1 h`]),
  ];
}

function durationCells(summary: DurationSummary | null): string[] {
  if (summary === null) return [];
  const { p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs, count } = summary;
  return [...[p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs].map(formatMs), formatCount(count)];
}

function hubSection({ hubs, expectedHubs }: Summary, palette: Palette): string[] {
  if (hubs.length === 0) return [];
  return [
    palette.bold('assigned hubs'),
    ...textTable(hubs.map(({ hub, count, share }) => [untrusted(hub), formatCount(count), formatShare(share)])),
    ...(expectedHubs === null
      ? []
      : [
          `${formatCount(expectedHubs.asExpected)} came to their expected hub, ` +
            `${formatCount(expectedHubs.elsewhere)} to another`,
        ]),
  ];
}

function errorSection({ errors }: Summary, palette: Palette): string[] {
  if (errors.length === 0) return [];
  const unlisted = errors.length - ERRORS_SHOWN_MAX;
  return [
    palette.bold('errors'),
    ...errors
      .slice(0, ERRORS_SHOWN_MAX)
      .flatMap(({ code, count, message, firstRow, remedy }) => [
        `${palette.bad(untrusted(code))}  ${formatCount(count)}, first in row ${formatCount(firstRow + 1)}` +
          `${message === null ? '' : `: ${untrusted(message)}`}`,
        ...(remedy === null ? [] : [`  ${palette.dim(`${remedy}.`)}`]),
      ]),
    ...(unlisted > 0 ? [`and ${formatNoun(unlisted, 'more code')}, in summary.json`] : []),
  ];
}

function healthSection({ loadGenerator: health }: Summary, palette: Palette): string[] {
  if (health.cpuShareMean === null) return [];
  const rows = [
    ['start lag p99, max', `${formatMs(health.startLagP99Ms)}, ${formatMs(health.startLagMaxMs)} ms`],
    ['event-loop delay p99, max', `${formatMs(health.loopDelayP99Ms)}, ${formatMs(health.loopDelayMaxMs)} ms`],
    ['CPU mean, max', `${formatNumber(health.cpuShareMean)}, ${formatNumber(health.cpuShareMax)} cores`],
    ['emulator CPU mean', `${formatNumber(health.emulatorCpuShareMean)} cores`],
    ['open files max', health.fileDescriptorsMax === null ? ABSENT : formatCount(health.fileDescriptorsMax)],
    ['memory max', formatBytes(health.rssBytesMax)],
  ];
  return [
    palette.bold('load generator'),
    ...textTable(
      rows.filter(([, value = '']) => !value.startsWith(ABSENT)),
      'left',
    ),
  ];
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_CHARACTERS)}${text}`;
}

function untrusted(text: string): string {
  return formatUntrusted(text, MESSAGE_CHARACTERS_MAX);
}
