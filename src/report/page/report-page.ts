import { createHash } from 'node:crypto';
import { formatCount, formatDuration, formatMs, formatNoun, formatNumber } from '../format.ts';
import type { Summary } from '../summary.ts';
import { type Html, html, jsonText } from './html.ts';
import { overview, untrusted } from './overview.ts';
import { PAGE_STYLE } from './page-style.ts';
import { plotFigure } from './plot-figure.ts';
import { type ReportFacts, recoveryTimes } from './report-facts.ts';
import { hasValues, type RunPlots, runPlots } from './run-plots.ts';
import {
  allocationTables,
  errorTable,
  healthTable,
  hubTable,
  hubTimeTable,
  latencyTable,
  recoveryTable,
  requestTable,
  resultTable,
  settingsTable,
} from './tables.ts';

/** Texts that are put into the page as they are. */
export type PageAssets = {
  /** uPlot, as a classic script. */
  readonly plotLibrary: string;
  readonly plotStyle: string;
  /** Draws the plots, as a module. */
  readonly drawPlots: string;
};

/**
 * report.html: one file that opens without a network. Everything but the plots is there without scripts; the plots are
 * drawn from the JSON in it, and each also stands there as a table. A content security policy lets nothing run, be shown
 * or be loaded but the parts that dpsload wrote, by their digests.
 */
export function reportHtml(facts: ReportFacts, { plotLibrary, plotStyle, drawPlots }: PageAssets): string {
  const style = `${plotStyle}\n${PAGE_STYLE}`;
  const policy = [
    "default-src 'none'",
    `script-src ${sourceOf(plotLibrary)} ${sourceOf(drawPlots)}`,
    `style-src ${sourceOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const plots = runPlots(facts);
  const { summary } = facts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${untrusted(summary.name ?? summary.fleet.file)}: ${formatCount(summary.results.assigned)} assigned – dpsload</title>
<style>${asItIs(style)}</style>
</head>
<body>
<a class="skip" href="#main">To the report</a>
<main id="main">
${overview(facts)}${sections(facts, plots)}</main>
<footer><p>Made by dpsload ${summary.dpsloadVersion} from ${sourceText(summary)}. Beside this file stand registrations.csv, failures.csv, summary.json and latency.hlog.</p></footer>
<script type="application/json" id="plots">${jsonText(Object.values(plots).filter(hasValues))}</script>
<script>${asItIs(plotLibrary)}</script>
<script type="module">${asItIs(drawPlots)}</script>
</body>
</html>
`.html;
}

function sourceText({ mergedRuns }: Summary): Html {
  if (mergedRuns === null) return html`the journal of the run`;
  return html`the journals of ${formatNoun(mergedRuns.length, 'run')}: ${untrusted(mergedRuns.join(', '))}`;
}

/** What dpsload itself wrote. */
function asItIs(text: string): Html {
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error('a part of the page would end its own element');
  return { html: text };
}

/** Source expression of the Content Security Policy for an inline script or style. */
function sourceOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function sections(facts: ReportFacts, plots: RunPlots): Html {
  const { summary } = facts;
  return html`<noscript><p class="notices">The plots need a browser with JavaScript; the tables below them hold the same.</p></noscript>
${section('time', 'Over time', [
  figure('Launches and completions', ratesFinding(facts), plots.rates),
  figure('In flight', 'Registrations between their start and their end, seen once a second.', plots.inFlight),
  figure('Throttles and the allowed rate', throttleFinding(facts, plots), plots.throttles),
  figure('Recovery', recoveryFinding(summary), plots.recovery),
  recoveryTable(summary),
  hubTimeTable(summary),
])}${section('latency', 'Latency', [
  figure(
    'Service time over time',
    'Of assigned registrations, by when they ended; bands from the median to the largest.',
    plots.service,
  ),
  figure('Percentiles', percentileFinding(facts), plots.percentiles),
  latencyTable(summary),
])}${section('outcomes', 'Outcomes', [resultTable(summary), requestTable(summary), hubTable(facts), ...allocationTables(summary), errorTable(summary)])}${section(
  'generator',
  'Load generator',
  [
    figure(
      'Lateness',
      'The largest event-loop delay of any worker, and the largest start lag, in each second.',
      plots.lateness,
    ),
    figure('CPU', 'Cores that were busy.', plots.cpu),
    healthTable(summary),
  ],
)}${section('settings', 'Settings', [settingsTable(summary)])}`;
}

function section(id: string, title: string, parts: readonly Html[]): Html {
  return html`<section class="part" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
<div class="grid">
${parts}</div></section>
`;
}

function figure(title: string, finding: string, plot: RunPlots[keyof RunPlots]): Html {
  if (hasValues(plot)) return plotFigure(title, finding, plot);
  return html`<figure class="empty"><figcaption><h3>${title}</h3><p>${finding} There is nothing to draw.</p></figcaption></figure>\n`;
}

function ratesFinding({ summary: { throughput }, timeline: { bucketMs } }: ReportFacts): string {
  const each = bucketMs < 60_000 ? `${bucketMs / 1000} s` : formatDuration(bucketMs);
  const { ended, activeMs, endedPerSecond } = throughput;
  return `${formatCount(ended)} ended in ${formatDuration(activeMs)}, ${formatNumber(endedPerSecond)} a second. Each point is the mean of ${each}.`;
}

function recoveryFinding(summary: Summary): string {
  const times = recoveryTimes(summary).flatMap(({ share, afterMs }) =>
    afterMs === null ? [] : [`${share * 100}% after ${formatDuration(afterMs)}`],
  );
  const reached = times.length === 0 ? 'fewer than half came to one' : times.join(', ');
  return `Share of ${formatCount(summary.plannedRegistrations)} devices with a hub: ${reached}.`;
}

function throttleFinding({ summary }: ReportFacts, { throttles }: RunPlots): string {
  const bounded = throttles.series.some(({ label }) => label === 'allowed launches');
  const seen = summary.requests.throttles;
  const met = seen === 0 ? 'The service never throttled' : `The service throttled ${formatCount(seen)} times`;
  return `${met}. ${bounded ? 'The line is what the governor allowed.' : 'No governor bounded the rate.'}`;
}

function percentileFinding({ summary: { latency } }: ReportFacts): string {
  const { service } = latency;
  if (service === null) return 'Of assigned registrations.';
  return `99% of assigned registrations needed at most ${formatMs(service.p99Ms)} ms of service time, the slowest ${formatMs(service.maxMs)} ms.`;
}
