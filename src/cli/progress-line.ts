import type { Progress } from '../metrics/progress.ts';
import { formatCount, formatDuration, formatMs, formatNumber, formatShare } from '../report/format.ts';

/** A run at one moment in one line, for logs and pipes. */
export function progressLine(progress: Progress): string {
  const { settled, total, elapsedMs, latency } = progress;
  const { accepted } = latency;
  return [
    `${formatDuration(elapsedMs)}:`,
    `${formatCount(settled)}/${formatCount(total)} (${percentDone(progress)})`,
    ...rateTexts(progress),
    `throttles ${formatCount(progress.throttles)}`,
    `failed ${formatCount(progress.failed)}`,
    ...(accepted === null ? [] : [`accepted p50 ${formatMs(accepted.p50Ms)} ms p95 ${formatMs(accepted.p95Ms)} ms`]),
    etaText(progress),
  ].join('  ');
}

/** What is under way, what is launched against what is intended and allowed, and what ends. */
export function rateTexts({ inFlight, launched, ratePerSecond, settledLately, recent }: Progress): string[] {
  const allowed = recent.at(-1)?.rateAllowedPerSecond ?? null;
  const intended = ratePerSecond === null ? '' : ` of ${formatNumber(ratePerSecond)}/s`;
  return [
    `in flight ${formatCount(inFlight)}`,
    `launched ${formatCount(launched)}/s${intended}${allowed === null ? '' : `, allowed ${formatNumber(allowed)}/s`}`,
    `ended ${formatCount(settledLately)}/s`,
  ];
}

export function percentDone({ settled, total }: Pick<Progress, 'settled' | 'total'>): string {
  return formatShare(total === 0 ? 0 : settled / total);
}

/** Of a run that stops, until what is in flight has ended. */
export function etaText({ etaMs, stopping }: Pick<Progress, 'etaMs' | 'stopping'>): string {
  return `${stopping ? 'stopping, ' : ''}ETA ${formatDuration(etaMs)}`;
}
