import type { AllocationVerdict } from '../../allocation/allocation-verdict.ts';
import { missingHubs, withExpectedShares } from '../../metrics/hub-distribution.ts';
import { describeAccount, describeSharedValue, resultRows } from '../account-text.ts';
import { describeConsequence, describeExpectation } from '../allocation-text.ts';
import { auditDifferences } from '../audit-schema.ts';
import { auditLines, auditVerdict } from '../audit-text.ts';
import { loadWarnings } from '../closed-model.ts';
import {
  ABSENT,
  formatCount,
  formatDuration,
  formatMs,
  formatNoun,
  formatNumber,
  formatShare,
  formatUntrusted,
} from '../format.ts';
import { LATENCY_LABELS, RESPONSE_PARTS } from '../latency-text.ts';
import { limitedRemedy, limitedSentences, slotsSentence } from '../load-generator-text.ts';
import { describeSetup } from '../setup-text.ts';
import { leftByResult, leftOf, reachedPlannedEnd, type Summary } from '../summary.ts';
import { describeExpectedHubs } from '../summary-text.ts';
import { describeObserved, describeUnmet } from '../threshold-text.ts';
import { type Html, html, NO_HTML } from './html.ts';
import type { ReportFacts } from './report-facts.ts';

const HUBS_SHOWN_MAX = 8;
const ERRORS_SHOWN_MAX = 3;

type Mood = 'good' | 'bad' | 'warning';

const RUN_VERDICTS: Readonly<Record<Summary['verdict'], { readonly label: string; readonly mood: Mood }>> = {
  'all-assigned': { label: '✓ All assigned', mood: 'good' },
  'part-assigned': { label: '◐ Part assigned', mood: 'warning' },
  'some-failed': { label: '✕ Some failed', mood: 'bad' },
  stopped: { label: '■ Stopped', mood: 'bad' },
  unfinished: { label: '… Not finished', mood: 'warning' },
};

/** The first screen: the count of devices, where they went, what failed and how to fix it, and what is left to do. */
export function overview(facts: ReportFacts): Html {
  const { summary } = facts;
  return html`<header>
<p class="target"><span class="eyebrow">target</span> ${untrusted(summary.target.label)}</p>
<p class="verdict ${RUN_VERDICTS[summary.verdict].mood}">${RUN_VERDICTS[summary.verdict].label}</p>
<h1>${headline(summary)}</h1>
<p class="run">${runLine(summary)}</p>
${noteList(summary)}${thresholdList(summary)}${auditList(summary)}${notices(summary)}
${figureList(countFigures(summary))}
</header>
<div class="cards">
<section aria-labelledby="where"><h2 id="where">Where devices went</h2>${hubCard(facts)}</section>
<section aria-labelledby="wrong"><h2 id="wrong">What failed and how to fix it</h2>${errorCard(summary)}</section>
<section aria-labelledby="left"><h2 id="left">What is left to do</h2>${leftCard(summary)}</section>
</div>
`;
}

/** How fast the run was; begins the half of the page that measures. */
export function performance(summary: Summary): Html {
  const limited = limitedSentences(summary);
  const slots = slotsSentence(summary);
  const notes = [
    ...(limited.length === 0
      ? []
      : [`The load generator limited this run: ${limited.join('; ')}. ${limitedRemedy(summary)}.`]),
    ...(slots === null ? [] : [`Out of slots: ${slots}.`]),
  ];
  const notice =
    notes.length === 0 ? NO_HTML : html`<ul class="notices">${notes.map((note) => html`<li>${note}</li>`)}</ul>`;
  return html`<section class="part" aria-labelledby="fast"><h2 id="fast">How fast</h2>
<p class="aside">${summary.sessions.slice(-1).map((session) => html`${describeSetup(session)}`)} <a href="#settings">All settings</a></p>
${notice}${figureList(speedFigures(summary))}
<div class="cards"><section aria-labelledby="response"><h3 id="response">Response time</h3>${speedCard(summary)}</section></div>
</section>
`;
}

export function untrusted(text: string): string {
  return formatUntrusted(text, 200);
}

function headline(summary: Summary): string {
  const { verdict, end } = summary;
  const rows = describeAccount(summary);
  const sentence = capitalized(rows);
  switch (verdict) {
    case 'all-assigned':
    case 'part-assigned':
    case 'some-failed':
      return sentence;
    case 'stopped':
      return reachedPlannedEnd(end) ? `${sentence}; some did not finish` : `Stopped: ${rows}`;
    case 'unfinished':
      return `So far, ${rows}`;
  }
}

export function capitalized(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

function runLine({ name, sessions, fleet, dpsloadVersion }: Summary): Html {
  const [first] = sessions;
  const started = (first?.startedAt ?? '').replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  const again = sessions.length === 1 ? '' : `, ${formatNoun(sessions.length, 'session')}`;
  const label = name === null ? NO_HTML : html`<strong>${untrusted(name)}</strong> · `;
  return html`${label}${untrusted(fleet.file)}, ${formatNoun(fleet.rows + fleet.rejectedRows, 'row')} · ${started}${again} · dpsload ${dpsloadVersion}`;
}

function noteList({ notes }: Summary): Html {
  const entries = Object.entries(notes);
  if (entries.length === 0) return NO_HTML;
  return html`<dl class="notes">${entries.map(([name, note]) => html`<div><dt>${name}</dt><dd>${untrusted(note)}</dd></div>`)}</dl>\n`;
}

function thresholdList({ thresholds }: Summary): Html {
  if (thresholds.length === 0) return NO_HTML;
  const all = formatNoun(thresholds.length, 'threshold');
  const title = describeUnmet(thresholds, all) ?? `${thresholds.length === 1 ? '' : 'All '}${all} passed`;
  const rows = thresholds.map((result) => {
    const failed = result.limited
      ? ({ mood: 'warning', word: '? undecided' } as const)
      : ({ mood: 'bad', word: '✕ failed' } as const);
    const { mood, word } = result.passed ? ({ mood: 'good', word: '✓ passed' } as const) : failed;
    return html`<li><span class="word ${mood}">${word}</span> <code>${untrusted(result.expression)}</code> <span>${describeObserved(result)}</span></li>\n`;
  });
  return html`<section class="thresholds" aria-labelledby="thresholds"><h2 id="thresholds">${title}</h2>
<ul>
${rows}</ul></section>
`;
}

/** What was compared, and whether it agrees. */
function auditList({ audit }: Summary): Html {
  if (audit === undefined) return NO_HTML;
  const { mood, word } =
    auditDifferences(audit) === 0
      ? ({ mood: 'good', word: '✓ agrees' } as const)
      : ({ mood: 'bad', word: '✕ differs' } as const);
  const details = auditLines(audit).map((line) => html`<p class="aside">${line}</p>\n`);
  return html`<section class="thresholds" aria-labelledby="audit"><h2 id="audit">Audit: the service’s records</h2>
<p><span class="word ${mood}">${word}</span> ${auditVerdict(audit)}</p>
${details}</section>
`;
}

function notices(summary: Summary): Html {
  const { end, possiblyTwice } = summary;
  const notes = [
    ...(end?.message ? [untrusted(end.message)] : []),
    ...(possiblyTwice === 0
      ? []
      : [`${formatNoun(possiblyTwice, 'device')} possibly registered twice: see possibly_twice in registrations.csv`]),
    ...summary.warnings.map(untrusted),
    ...loadWarnings(summary),
  ];
  return notes.length === 0 ? NO_HTML : html`<ul class="notices">${notes.map((note) => html`<li>${note}</li>`)}</ul>`;
}

type Throughput = Summary['throughput'];

type KeyFigure = { readonly name: string; readonly value: string; readonly note: string };

function figureList(figures: readonly KeyFigure[]): Html {
  return html`<dl class="figures">${figures.map(
    ({ name, value, note }) => html`<div><dt>${name}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>\n`,
  )}</dl>`;
}

/** What became of every row of the fleet file. */
function countFigures({ account, fleet, hubs }: Summary): readonly KeyFigure[] {
  const { fileRows, assigned, failed, leftOut, notSelected, notStarted, unknown } = account;
  const rounds = fleet.rounds === 1 ? '' : ` · ${formatNoun(fleet.rounds, 'round')}`;
  return [
    {
      name: 'Rows in the file',
      value: formatCount(fileRows),
      note: `${leftOut === 0 ? 'all usable' : `${formatCount(leftOut)} left out as unusable or repeated`}${rounds}`,
    },
    {
      name: 'Assigned',
      value: formatCount(assigned),
      note: `${formatShare(fileRows === 0 ? 0 : assigned / fileRows)} of the file · ${formatNoun(hubs.length, 'hub')}`,
    },
    { name: 'Failed', value: formatCount(failed), note: 'sent, and finally without a hub' },
    {
      name: 'Not done',
      value: formatCount(notSelected + notStarted + unknown),
      note: `${formatCount(notSelected)} not selected, ${formatCount(notStarted)} not started, ${formatCount(unknown)} unknown`,
    },
  ];
}

/** The steady state, and what the whole comes to with the tail in which the last registrations end. */
function rateFigure({ launchedPerSecond, steadyEndedPerSecond, endedPerSecond, activeMs }: Throughput): KeyFigure {
  const name = 'Registrations per second';
  const duration = formatDuration(activeMs);
  if (launchedPerSecond == null || steadyEndedPerSecond == null) {
    return { name, value: formatNumber(endedPerSecond), note: `over ${duration}` };
  }
  const whole = `${formatNumber(endedPerSecond)} over all ${duration}`;
  return {
    name,
    value: formatNumber(steadyEndedPerSecond),
    note: `in steady state · ${formatNumber(launchedPerSecond)} launched · ${whole}`,
  };
}

function speedFigures({ latency: { service }, recovery, throughput, requests }: Summary): readonly KeyFigure[] {
  return [
    {
      name: 'Service time, median',
      value: service === null ? ABSENT : `${formatMs(service.p50Ms)} ms`,
      note: service === null ? 'not measured' : `p99 ${formatMs(service.p99Ms)} ms`,
    },
    rateFigure(throughput),
    {
      name: '99% assigned after',
      value: formatDuration(recovery.to99PercentMs),
      note: recovery.to99PercentMs === null ? 'never reached' : 'since the first start',
    },
    {
      name: 'Register requests',
      value: formatCount(requests.registersSent),
      note:
        requests.registersUncounted === 0
          ? `billed · ${formatNoun(requests.throttles, 'throttle')}`
          : `known, up to ${formatCount(requests.registersUncounted)} more · billed`,
    },
  ];
}

function speedCard({ latency, results }: Summary): Html {
  const { response } = latency;
  if (response === null) return html`<p>No device was assigned, so there are no times to show.</p>`;
  let left = 0;
  const parts = RESPONSE_PARTS.map((metric) => {
    const [label, note] = LATENCY_LABELS[metric];
    const meanMs = latency[metric]?.meanMs ?? 0;
    const width = response.meanMs === 0 ? 0 : (100 * meanMs) / response.meanMs;
    left += width;
    return { metric, label, note, meanMs, x: left - width, width };
  });
  const bars = parts.map(
    ({ metric, x, width }) =>
      html`<rect class="part-${metric}" x="${x.toFixed(2)}" width="${width.toFixed(2)}" height="10"/>`,
  );
  const rows = parts.map(
    ({ metric, label, note, meanMs }) =>
      html`<tr><th scope="row"><span class="key bar part-${metric}"></span>${label} <small>${note}</small></th><td>${formatMs(meanMs)} ms</td></tr>`,
  );
  return html`<p>Mean response time <strong>${formatMs(response.meanMs)} ms</strong> for ${formatNoun(results.assigned, 'assigned registration')}, measured from the intended start:</p>
<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${bars}</svg>
<table class="parts"><tbody>${rows}</tbody></table>`;
}

function hubCard({ summary, hubExpectation }: ReportFacts): Html {
  const { hubs, expectedHubs } = summary;
  if (hubs.length === 0) return html`<p>No device was assigned to a hub.</p>`;
  const left = hubs.length - HUBS_SHOWN_MAX;
  const shown = withExpectedShares(hubs.slice(0, HUBS_SHOWN_MAX), hubExpectation);
  const rows = shown.map(({ hub, count, share, expectedShare: wanted }) => {
    const tick =
      wanted === null
        ? NO_HTML
        : html`<line class="wanted" x1="${percent(wanted)}" x2="${percent(wanted)}" y1="0" y2="8"/>`;
    const note = wanted === null ? '' : ` expected ${formatShare(wanted)}`;
    return html`<li><span class="name">${untrusted(hub)}</span> <span class="amount">${formatCount(count)} <strong>${formatShare(share)}</strong>${note}</span>
<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="share" width="${percent(share)}" height="8"/>${tick}</svg></li>`;
  });
  const verdict = expectedHubs === null ? NO_HTML : html`<p>${describeExpectedHubs(expectedHubs)}.</p>`;
  const names = missingHubs(hubs, hubExpectation).map(({ hub }) => untrusted(hub));
  const missing =
    names.length === 0
      ? NO_HTML
      : html`<p>No device was assigned to ${names.slice(0, HUBS_SHOWN_MAX).join(', ')}, although some were expected.</p>`;
  const more = left > 0 ? html`<p>${formatNoun(left, 'more hub')} below.</p>` : NO_HTML;
  return html`${policyVerdict(summary)}<ul class="bars">${rows}</ul>${more}${verdict}${missing}`;
}

export const POLICY_VERDICTS: Readonly<Record<AllocationVerdict, { readonly label: string; readonly mood: Mood }>> = {
  pass: { label: '✓ pass', mood: 'good' },
  fail: { label: '✕ fail', mood: 'bad' },
  inconclusive: { label: '… inconclusive', mood: 'warning' },
};

function policyVerdict(summary: Summary): Html {
  const { allocation } = summary;
  if (allocation === null) return NO_HTML;
  const { label, mood } = POLICY_VERDICTS[allocation.verdict];
  return html`<p><span class="verdict ${mood}">${label}</span> ${describeExpectation(allocation)}</p>${describeConsequence(summary).map((line) => html`<p>${capitalized(line)}.</p>`)}`;
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}

function errorCard(summary: Summary): Html {
  const { errors } = summary;
  const left = errors.length - ERRORS_SHOWN_MAX;
  const items = errors
    .slice(0, ERRORS_SHOWN_MAX)
    .map(
      ({ code, count, message, remedy }) =>
        html`<li><p><code>${untrusted(code)}</code> <strong>${formatCount(count)}×</strong> ${message === null ? '' : untrusted(message)}</p>${
          remedy === null ? NO_HTML : html`<p class="remedy">${remedy}.</p>`
        }</li>`,
    );
  return html`${errors.length === 0 ? html`<p>No registration failed.</p>` : html`<ol class="errors">${items}</ol>`}${summary.sharedValues
    .slice(0, ERRORS_SHOWN_MAX)
    .map((shared) => html`<p>${capitalized(describeSharedValue(shared))}.</p>`)}${
    left > 0 ? html`<p><a href="#outcomes">${formatNoun(left, 'more error')} below</a></p>` : NO_HTML
  }`;
}

function leftCard(summary: Summary): Html {
  const { account, files } = summary;
  const undone = leftOf(summary);
  const leftResults = leftByResult(summary);
  const parts = resultRows(summary).filter(({ result, count }) => result in leftResults && count > 0);
  const left =
    undone === 0
      ? account.assigned === account.fileRows
        ? html`<p>Nothing.</p>`
        : NO_HTML
      : html`<p><strong>${formatNoun(undone, 'registration')}</strong> left: ${parts
          .map(({ label, count }) => `${formatCount(count)} ${label}`)
          .join(', ')}. <code>dpsload resume</code> continues this run.</p>`;
  const unselected =
    account.notSelected === 0
      ? NO_HTML
      : html`<p>${formatNoun(account.notSelected, 'row')} not selected: register them in another run whose <code>--limit</code>, <code>--only</code> or <code>--exclude</code> selects them.</p>`;
  const retried =
    account.failed === 0
      ? NO_HTML
      : html`<p>${formatCount(account.failed)} failed: remove the cause, then give <code>--retry-failed</code> to <code>dpsload resume</code>, or use not-registered.csv for a new run with <code>--only</code>.</p>`;
  const corrected =
    account.leftOut === 0
      ? NO_HTML
      : html`<p>${formatNoun(account.leftOut, 'row')} left out: rejected-rows.csv says why. Correct those that stand for a device of their own, and register them in a new run.</p>`;
  const kept =
    files === null
      ? NO_HTML
      : html`<p>Keep the SHA-256 of SHA256SUMS with the papers of the order: <code>dpsload report --check</code> prints it. <a href="#files">What it covers</a></p>`;
  return html`${left}${retried}${corrected}${unselected}${kept}`;
}
