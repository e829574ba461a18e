import type { MovementVerdict } from '../../allocation/judge-allocation.ts';
import type { Movement } from '../../allocation/movement.ts';
import { missingHubs, withExpectedShares } from '../../metrics/hub-distribution.ts';
import { LATENCY_METRICS } from '../../metrics/latency-metric.ts';
import type { RegistrationResult } from '../../registration/registration-outcome.ts';
import { ACCOUNT_LABELS, accountsByColumn, resultRows } from '../account-text.ts';
import { AGENT_COLUMNS, agentCells, agentsShown, clockSentence, labelTables, remarksOn } from '../agents-text.ts';
import {
  COHORT_COLUMNS,
  cohortRows,
  cohortTitle,
  crossTable,
  describeDrift,
  describeInterval,
  describeReason,
  movementRows,
} from '../allocation-text.ts';
import { ABSENT, formatCount, formatDuration, formatFineShare, formatNoun, formatShare } from '../format.ts';
import {
  HUB_CHECK_COLUMNS,
  HUB_FAILURE_COLUMNS,
  hubCheckRows,
  hubFailureRows,
  hubFailuresUnlisted,
} from '../hub-check-text.ts';
import { DURATION_COLUMNS, durationCells, LATENCY_LABELS, latencyLabel } from '../latency-text.ts';
import { healthRows, limitCells } from '../load-generator-text.ts';
import { setupRows } from '../setup-text.ts';
import { dataSha256, type Summary } from '../summary.ts';
import { unnamedWrongHubs, wrongHubRows, wrongHubTitle } from '../wrong-hub.ts';
import { type Html, html, NO_HTML } from './html.ts';
import { untrusted } from './overview.ts';
import { type ReportFacts, recoveryTimes } from './report-facts.ts';

const RESULT_NOTES: Readonly<Record<RegistrationResult, string>> = {
  assigned: 'assigned to a hub',
  failed: 'the service reported an error',
  disabled: 'the enrollment is disabled',
  refused: 'the service rejected the device or its credentials',
  throttled: 'the service throttled every attempt',
  'timed-out': 'no response or no result in time',
  disconnected: 'no connection, or too many lost connections',
  cancelled: 'stopped by the user while in flight',
  'not-started': 'never sent',
  unknown: 'possibly sent, outcome not recorded',
};

/** Up to here, durations are shown to the hundredth of a second. */
const EXACT_MS_MAX = 600_000;

type Cell = string | Html;

type TableLook = {
  /** `wide` tables contain many numbers, `words` not only numbers; both take the whole width. */
  readonly look?: 'numbers' | 'numbers wide' | 'words';
  readonly note?: string;
};

function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { look = 'numbers', note = '' }: TableLook = {},
): Html {
  const body = rows.map(
    ([name = '', ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}, table"><table class="${look}">
<caption>${named(caption, note)}</caption>
<thead><tr>${head.map((text) => (text === '' ? html`<td></td>` : html`<th scope="col">${text}</th>`))}</tr></thead>
<tbody>
${body}</tbody></table></div>
`;
}

function named(name: string, note: string): Html {
  if (note === '') return html`${name}`;
  return html`${name} <small>${note}</small>`;
}

export function resultTable(summary: Summary): Html {
  const results = resultRows(summary);
  const total = results.reduce((sum, { count }) => sum + count, 0);
  const rows = results.map(({ result, label, count }) => [
    named(label, RESULT_NOTES[result]),
    formatCount(count),
    formatShare(total === 0 ? 0 : count / total),
  ]);
  return table('Outcomes', ['result', 'registrations', 'share'], rows);
}

/** Every row of the fleet file, then by group and other columns. */
export function accountTables(summary: Summary): Html {
  const { account } = summary;
  const states = Object.entries(ACCOUNT_LABELS) as [keyof typeof ACCOUNT_LABELS, string][];
  const rows = states.map(([state, label]) => [label, formatCount(account[state])]);
  const all = table('Rows of the fleet file', ['', 'rows'], [...rows, ['total', formatCount(account.fileRows)]]);
  const byColumn = accountsByColumn(summary).map(({ column, rows: [head = [], ...values] }) =>
    table(`Results by ${untrusted(column)}`, head, values, { look: 'numbers wide' }),
  );
  return html`${all}${byColumn}`;
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
  return table('Errors', ['code', 'registrations', 'first row', 'first message', 'remedy'], rows, { look: 'words' });
}

export function hubTable({ summary, hubExpectation }: ReportFacts): Html {
  const isExpecting = hubExpectation.shares().size > 0;
  const hubs = [...withExpectedShares(summary.hubs, hubExpectation), ...missingHubs(summary.hubs, hubExpectation)];
  if (hubs.length === 0) return NO_HTML;
  const rows = hubs.map(({ hub, count, share, expectedShare: wanted }) => {
    const wantedCells =
      wanted === null ? [ABSENT, ABSENT] : [formatShare(wanted), `${((share - wanted) * 100).toFixed(1)} points`];
    return [untrusted(hub), formatCount(count), formatShare(share), ...(isExpecting ? wantedCells : [])];
  });
  const head = ['hub', 'devices', 'share', ...(isExpecting ? ['expected', 'difference'] : [])];
  return table('Hubs', head, rows, { look: 'numbers wide' });
}

/** The first registrations at a wrong hub. */
export function wrongHubTable(summary: Summary): Html {
  const title = wrongHubTitle(summary);
  if (title === null) return NO_HTML;
  const rows = wrongHubRows(summary).map(([id = '', ...cells]) => [html`<code>${id}</code>`, ...cells]);
  const [note = ''] = unnamedWrongHubs(summary);
  return table(title, ['registration ID', 'row', 'hub', 'instead'], rows, { look: 'words', note });
}

/** Shares of each cohort with their verdicts, then what became of devices that had a hub before. */
export function allocationTables({ allocation, movement }: Summary): readonly Html[] {
  const cohorts = (allocation?.cohorts ?? []).map((cohort) => {
    const title = `${cohort.verdict}: ${cohortTitle(cohort, allocation?.by ?? 'fleet')}`;
    return table(title, COHORT_COLUMNS, cohortRows(cohort), { look: 'numbers wide' });
  });
  const [head, ...rows] = (allocation === null ? null : crossTable(allocation)) ?? [];
  const cross = head === undefined ? [] : [table(`Hubs by ${allocation?.by}`, head, rows, { look: 'numbers wide' })];
  const moves = movement === null ? [] : [movementTable(movement, allocation?.movement ?? null)];
  return [...cross, ...cohorts, ...moves];
}

/** Shares in each period of the run; empty if it spans a single one. */
export function hubTimeTable({ hubMinutes }: Summary): Html {
  const { bucketMs, hubs, counts } = hubMinutes;
  const drift = describeDrift(hubMinutes);
  if (drift === null) return NO_HTML;
  const rows = counts.map((ofHubs, index) => {
    const devices = ofHubs.reduce((sum, count) => sum + count, 0);
    const shares = ofHubs.map((count) => (devices === 0 ? ABSENT : formatShare(count / devices)));
    return [formatDuration((index + 1) * bucketMs), formatCount(devices), ...shares];
  });
  return table('Hubs over time', ['up to', 'devices', ...hubs.map(untrusted)], rows, {
    look: 'numbers wide',
    note: drift,
  });
}

function movementTable(movement: Movement, judged: MovementVerdict | null): Html {
  const verdict =
    judged === null
      ? []
      : [
          ['share that moved', judged.share === null ? ABSENT : formatFineShare(judged.share)],
          ['interval', describeInterval(judged.interval)],
          ['expected', formatFineShare(judged.expectedShare)],
          ['verdict', `${judged.verdict}: ${describeReason(judged.reason)}`],
        ];
  return table('Previously assigned devices', ['', ''], [...movementRows(movement), ...verdict]);
}

export function latencyTable(summary: Summary): Html {
  const { latency } = summary;
  const rows = LATENCY_METRICS.flatMap((metric) => {
    const durations = latency[metric];
    const name = named(latencyLabel(metric, '– '), LATENCY_LABELS[metric][1]);
    return durations === null ? [] : [[name, ...durationCells(durations)]];
  });
  if (rows.length === 0) return NO_HTML;
  const note = clockSentence(summary) ?? '';
  return table('Latency and phases, in ms', ['', ...DURATION_COLUMNS], rows, { look: 'numbers wide', note });
}

export function requestTable({ requests }: Summary): Html {
  return table(
    'Requests and responses',
    ['', 'count'],
    [
      [named('register requests', 'billed by the service'), formatCount(requests.registersSent)],
      [named('register requests, not counted', 'at most, after a crash'), formatCount(requests.registersUncounted)],
      [
        named('register requests, replaced', 'by registrations that were made again'),
        formatCount(requests.registersReplaced),
      ],
      ['polls', formatCount(requests.polls)],
      ['connections', formatCount(requests.connections)],
      ['throttles', formatCount(requests.throttles)],
      ['server errors', formatCount(requests.serverErrors)],
      [named('stale answers', 'matched no request, dropped'), formatCount(requests.staleAnswers)],
      [named('clamped retry-afters', 'above the limit'), formatCount(requests.retryAftersClamped)],
    ],
  );
}

export function healthTable(summary: Summary): Html {
  const limits = summary.loadGenerator.limits.map(limitCells);
  const measurements = healthRows(summary);
  return html`${table('What the load generator did to the figures', ['', 'at most', 'limit', 'verdict'], limits)}${table('Load generator measurements', ['', 'observed'], measurements)}`;
}

/** Agents in a table: more would make the page too large. */
const AGENTS_SHOWN_MAX = 100;

/** Each agent, then hubs by each label of agents. */
export function agentTables({ agents }: Summary): readonly Html[] {
  if (agents === undefined) return [];
  const shown = agentsShown(agents, AGENTS_SHOWN_MAX);
  const rows = shown.map((agent) => {
    const cells = agentCells(agent);
    return [named(cells.agent, remarksOn(agent).join(', ')), ...AGENT_COLUMNS.map((column) => cells[column])];
  });
  const left = agents.agents.length - shown.length;
  const note = left > 0 ? `and ${formatNoun(left, 'more agent')} in summary.json` : '';
  const byLabel = labelTables(agents).map(({ label, rows: [head = [], ...values] }) =>
    table(`Hubs by ${untrusted(label)} of the agents`, head, values, { look: 'numbers wide' }),
  );
  return [table('Agents', ['agent', ...AGENT_COLUMNS], rows, { look: 'numbers wide', note }), ...byLabel];
}

/** Each hub, then why devices failed there, then which. */
export function hubCheckTables({ hubCheck }: Summary): readonly Html[] {
  if (hubCheck === undefined) return [];
  const note = `${hubCheck.check}; times from dialing to CONNACK, in ms`;
  const hubs = table('Hubs that were checked', HUB_CHECK_COLUMNS, hubCheckRows(hubCheck), {
    look: 'numbers wide',
    note,
  });
  if (hubCheck.failed === 0) return [hubs];
  const errors = hubCheck.errors.map(({ code, count, message, remedy }) => [
    html`<code>${code}</code>`,
    formatCount(count),
    message === null ? ABSENT : untrusted(message),
    remedy === null ? ABSENT : `${remedy}.`,
  ]);
  const failures = hubFailureRows(hubCheck).map(([id = '', ...cells]) => [html`<code>${id}</code>`, ...cells]);
  return [
    hubs,
    table('Failed hub checks', ['code', 'devices', 'first message', 'remedy'], errors, { look: 'words' }),
    table('Devices that failed', HUB_FAILURE_COLUMNS, failures, {
      look: 'words',
      note: hubFailuresUnlisted(hubCheck) ?? '',
    }),
  ];
}

export function recoveryTable(summary: Summary): Html {
  const times = recoveryTimes(summary);
  return table(
    'Recovery, from the first start',
    ['share of devices', ...times.map(({ share }) => `${share * 100}%`)],
    [
      ['devices', ...times.map(({ share }) => formatCount(Math.ceil(share * summary.plannedRegistrations)))],
      ['after', ...times.map(({ afterMs }) => (afterMs === null ? 'not reached' : writeExactly(afterMs)))],
    ],
    { look: 'numbers wide' },
  );
}

/** The files that the figures come from; this page cannot name its own SHA-256, nor that of SHA256SUMS, which covers it. */
export function fileTable(summary: Summary): Html {
  const sha256 = dataSha256(summary);
  if (sha256 === null) return NO_HTML;
  const { journals, files } = summary;
  const rows = [...(journals ?? []), ...(files ?? [])].map((file) => [
    untrusted(file.name),
    html`<code>${file.sha256}</code>`,
  ]);
  const whole = [named('all of these', 'of their lines in SHA256SUMS'), html`<code>${sha256}</code>`];
  const note = 'SHA256SUMS also covers run.json, summary.json and this page; dpsload report --check compares them all';
  return table('Journal and data', ['file', 'SHA-256'], [...rows, whole], { look: 'words', note });
}

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
    { look: 'words' },
  );
  return html`${shared}${setupTable(sessions)}`;
}

/** One column for each session. */
function setupTable(sessions: Summary['sessions']): Html {
  const columns = sessions.map((session) => new Map([['started', session.startedAt], ...setupRows(session)]));
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const rows = names.map((name) => [name, ...columns.map((column) => column.get(name) ?? ABSENT)]);
  const head = sessions.map(({ session }) => `session ${session}`);
  return table('What was run', ['', ...head], rows, { look: 'words' });
}
