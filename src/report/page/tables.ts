import type { MovementVerdict } from '../../allocation/judge-allocation.ts';
import type { Movement } from '../../allocation/movement.ts';
import type { DurationSummary } from '../../metrics/duration-histogram.ts';
import type { LatencyMetric } from '../../metrics/latency-histograms.ts';
import { REGISTRATION_RESULTS, type RegistrationResult } from '../../registration/registration-outcome.ts';
import {
  cohortTitle,
  crossTable,
  describeDrift,
  describeInterval,
  describeReason,
  formatPoints,
} from '../describe-allocation.ts';
import { ABSENT, formatBytes, formatCount, formatDuration, formatMs, formatNumber, formatShare } from '../format.ts';
import { HEALTH_LABELS } from '../health-labels.ts';
import type { SessionSummary, Summary } from '../summary.ts';
import { type Html, html, NO_HTML } from './html.ts';
import { untrusted } from './overview.ts';
import { type ReportFacts, recoveryTimes } from './report-facts.ts';

const RESULT_NOTES: Readonly<Record<RegistrationResult, string>> = {
  assigned: 'came to a hub',
  failed: 'the service ended it with an error',
  disabled: 'the enrollment is disabled',
  refused: 'the service refused the device or its credentials',
  throttled: 'the service never let it through',
  'timed-out': 'no answer, or no end, in time',
  disconnected: 'no connection, or it was lost too often',
  cancelled: 'stopped by the user while in flight',
  'not-started': 'never sent',
  unknown: 'perhaps sent: no outcome was written',
};

const METRICS: readonly (readonly [metric: LatencyMetric, label: string, note: string])[] = [
  ['response', 'response', 'intended start to end'],
  ['held', '– held', 'back by governor, canary or outage'],
  ['startLag', '– start lag', 'the load generator’s own lateness'],
  ['service', '– service', 'work of service, network and client'],
  ['waited', '– waited', 'pauses asked for by service or policy'],
  ['tcp', 'tcp', 'connect'],
  ['tls', 'tls', 'handshake'],
  ['connack', 'connack', 'MQTT CONNECT to CONNACK'],
  ['suback', 'suback', 'SUBSCRIBE to SUBACK'],
  ['accepted', 'accepted', 'register request to its first answer'],
  ['assigned', 'assigned', 'that answer to the final one'],
  ['allocation', 'allocation', 'the service’s own time to find a hub, of initial assignments'],
  ['responseNotAssigned', 'response, not assigned', 'of those that ended without a hub'],
];

const EXACT_MS_MAX = 600_000;

type Cell = string | Html;

/** `wide` ones hold many numbers, `words` are not all numbers; both need the whole width. */
type TableLook = 'numbers' | 'numbers wide' | 'words';

function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  look: TableLook = 'numbers',
  note = '',
): Html {
  const body = rows.map(
    ([name = '', ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}, table"><table class="${look}">
<caption>${note === '' ? caption : named(caption, note)}</caption>
<thead><tr>${head.map((text) => (text === '' ? html`<td></td>` : html`<th scope="col">${text}</th>`))}</tr></thead>
<tbody>
${body}</tbody></table></div>
`;
}

function named(name: string, note: string): Html {
  return html`${name} <small>${note}</small>`;
}

export function resultTable(summary: Summary): Html {
  const { results } = summary;
  const total = Object.values(results).reduce((sum, count) => sum + count, 0);
  const rows = REGISTRATION_RESULTS.filter((result) => result === 'assigned' || results[result] > 0).map((result) => [
    named(result, RESULT_NOTES[result]),
    formatCount(results[result]),
    formatShare(total === 0 ? 0 : results[result] / total),
  ]);
  return table('Outcomes', ['result', 'registrations', 'share'], rows);
}

export function errorTable({ errors }: Summary): Html {
  if (errors.length === 0) return NO_HTML;
  const rows = errors.map(({ code, count, message, firstRow, remedy }) => [
    html`<code>${untrusted(code)}</code>`,
    formatCount(count),
    formatCount(firstRow + 1),
    message === null ? ABSENT : untrusted(message),
    remedy === null ? ABSENT : `${remedy}.`,
  ]);
  return table('Errors', ['code', 'registrations', 'first row', 'message of the first', 'what to do'], rows, 'words');
}

export function hubTable({ summary, hubExpectation }: ReportFacts): Html {
  const expected = hubExpectation.shares();
  const seen = new Set(summary.hubs.map(({ hub }) => hub.toLowerCase()));
  const missing = [...expected.keys()].filter((hub) => !seen.has(hub)).map((hub) => ({ hub, count: 0, share: 0 }));
  const rows = [...summary.hubs, ...missing].map(({ hub, count, share }) => {
    const wanted = expected.get(hub.toLowerCase()) ?? null;
    const wantedCells =
      wanted === null ? [ABSENT, ABSENT] : [formatShare(wanted), `${((share - wanted) * 100).toFixed(1)} points`];
    return [untrusted(hub), formatCount(count), formatShare(share), ...(expected.size === 0 ? [] : wantedCells)];
  });
  if (rows.length === 0) return NO_HTML;
  const head = ['hub', 'devices', 'share', ...(expected.size === 0 ? [] : ['expected', 'difference'])];
  return table('Hubs', head, rows, 'numbers wide');
}

/** Shares of each cohort with their verdicts, then what became of devices that had a hub before. */
export function allocationTables({ allocation, movement }: Summary): readonly Html[] {
  const cohorts = (allocation?.cohorts ?? []).map((cohort) => {
    const rows = cohort.hubs.map(({ hub, count, share, expectedShare, interval, verdict, reason }) => [
      untrusted(hub),
      formatCount(count),
      share === null ? ABSENT : formatPoints(share),
      describeInterval(interval),
      formatPoints(expectedShare),
      `${verdict}, ${describeReason(reason)}`,
    ]);
    const title = `${cohort.verdict}: ${cohortTitle(cohort, allocation?.by ?? 'fleet')}`;
    return table(title, ['hub', 'devices', 'share', 'interval', 'expected', 'verdict'], rows, 'numbers wide');
  });
  const [head, ...rows] = (allocation === null ? null : crossTable(allocation)) ?? [];
  const cross = head === undefined ? [] : [table('Hubs and where devices are', head, rows, 'numbers wide')];
  const moves = movement === null ? [] : [movementTable(movement, allocation?.movement ?? null)];
  return [...cross, ...cohorts, ...moves];
}

/** How the shares went on over the run; nothing where it was over in one stretch. */
export function hubTimeTable({ hubMinutes }: Summary): Html {
  const { bucketMs, hubs, counts } = hubMinutes;
  const drift = describeDrift(hubMinutes);
  if (drift === null) return NO_HTML;
  const rows = counts.map((ofHubs, index) => {
    const devices = ofHubs.reduce((sum, count) => sum + count, 0);
    const shares = ofHubs.map((count) => (devices === 0 ? ABSENT : formatShare(count / devices)));
    return [formatDuration((index + 1) * bucketMs), formatCount(devices), ...shares];
  });
  return table('Hubs over time', ['up to', 'devices', ...hubs.map(untrusted)], rows, 'numbers wide', drift);
}

function movementTable({ changes, changedDeviceId, substatus }: Movement, judged: MovementVerdict | null): Html {
  const verdict =
    judged === null
      ? []
      : [
          ['share that moved', judged.share === null ? ABSENT : formatPoints(judged.share)],
          ['interval', describeInterval(judged.interval)],
          ['expected', formatPoints(judged.expectedShare)],
          ['verdict', `${judged.verdict}, ${describeReason(judged.reason)}`],
        ];
  return table(
    'Devices that had a hub before',
    ['', ''],
    [
      ['kept their hub', formatCount(changes.kept)],
      ['moved to another hub', formatCount(changes.moved)],
      ['not assigned any more', formatCount(changes.lost)],
      ['got another device ID', formatCount(changedDeviceId)],
      ...Object.entries(substatus).map(([word, count]) => [untrusted(word), formatCount(count)]),
      ...verdict,
    ],
  );
}

export function latencyTable({ latency }: Summary): Html {
  const rows = METRICS.flatMap(([metric, label, note]) => {
    const summary = latency[metric];
    return summary === null ? [] : [[named(label, note), ...durationCells(summary)]];
  });
  if (rows.length === 0) return NO_HTML;
  return table(
    'Times and phases, in ms',
    ['', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max', 'mean', 'count'],
    rows,
    'numbers wide',
  );
}

function durationCells(summary: DurationSummary): readonly string[] {
  const { p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs, count } = summary;
  return [...[p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs, meanMs].map(formatMs), formatCount(count)];
}

export function requestTable({ requests }: Summary): Html {
  return table(
    'Requests and what they met',
    ['', 'count'],
    [
      [named('register requests', 'billed by the service'), formatCount(requests.registersSent)],
      ['polls', formatCount(requests.polls)],
      ['connections', formatCount(requests.connections)],
      ['throttles', formatCount(requests.throttles)],
      ['server errors', formatCount(requests.serverErrors)],
      [named('stale answers', 'dropped'), formatCount(requests.staleAnswers)],
      [named('retry-afters clamped', 'longer than allowed'), formatCount(requests.retryAftersClamped)],
    ],
  );
}

export function healthTable({ loadGenerator: health }: Summary): Html {
  const limits = health.limits.map(({ name, observed, limit, exceeded }) => {
    const [label, unit] = HEALTH_LABELS[name];
    const verdict = observed === null ? 'not measured' : exceeded ? '✕ over' : '✓ within';
    return [
      label,
      observed === null ? ABSENT : `${formatNumber(observed)}${unit}`,
      `${formatNumber(limit)}${unit}`,
      verdict,
    ];
  });
  const extremes = [
    ['start lag, max', `${formatMs(health.startLagMaxMs)} ms`],
    ['event-loop delay, max', `${formatMs(health.loopDelayMaxMs)} ms`],
    ['CPU, mean', `${formatNumber(health.cpuShareMean)} cores`],
    ['CPU, max', `${formatNumber(health.cpuShareMax)} cores`],
    ['emulator CPU, mean', `${formatNumber(health.emulatorCpuShareMean)} cores`],
    ['open files, max', health.fileDescriptorsMax === null ? ABSENT : formatCount(health.fileDescriptorsMax)],
    ['memory, max', formatBytes(health.rssBytesMax)],
  ].filter(([, value = '']) => !value.startsWith(ABSENT));
  return html`${table('Limits of the load generator', ['', 'observed', 'limit', 'verdict'], limits)}${table('Seen of the load generator', ['', 'observed'], extremes)}`;
}

export function recoveryTable(summary: Summary): Html {
  const times = recoveryTimes(summary);
  return table(
    'Time to a hub, from the first start',
    ['share of the devices', ...times.map(({ share }) => `${share * 100}%`)],
    [
      ['devices', ...times.map(({ share }) => formatCount(Math.ceil(share * summary.plannedRegistrations)))],
      ['after', ...times.map(({ afterMs }) => (afterMs === null ? 'not reached' : writeExactly(afterMs)))],
    ],
    'numbers wide',
  );
}

/** To the hundredth of a second, while that means something. */
function writeExactly(ms: number): string {
  return ms < EXACT_MS_MAX ? `${(ms / 1000).toFixed(2)} s` : formatDuration(ms);
}

export function settingsTable({ target, fleet, sessions, dpsloadVersion }: Summary): Html {
  const shared = table(
    'Run',
    ['', ''],
    [
      ['target', untrusted(target.label)],
      ['host', `${untrusted(target.host)}:${target.port}`],
      ['ID scope', untrusted(target.idScope)],
      ['fleet', untrusted(fleet.file)],
      ['fleet, SHA-256', html`<code>${fleet.digest}</code>`],
      ['rows', formatCount(fleet.rows)],
      ['rejected rows', formatCount(fleet.rejectedRows)],
      ['rounds', formatCount(fleet.rounds)],
      ['dpsload', dpsloadVersion],
    ],
    'words',
  );
  const rows = sessions.map((session) => [
    String(session.session),
    session.startedAt,
    launchRate(session),
    formatCount(session.concurrency),
    formatCount(session.workers),
    session.rowsMax === null ? 'whole fleet' : formatCount(session.rowsMax),
    session.attestation,
    session.apiVersion,
  ]);
  const head = ['session', 'started', 'launch rate', 'concurrency', 'workers', 'rows', 'attestation', 'API version'];
  return html`${shared}${table('Sessions', head, rows, 'words')}`;
}

function launchRate({ loadShape, ratePerSecond }: SessionSummary): string {
  if (ratePerSecond !== null) return `${formatNumber(ratePerSecond)}/s`;
  if (loadShape === null) return ABSENT;
  return loadShape === 'closed' ? 'closed: as slots are free' : loadShape.replace('-', ' ');
}
