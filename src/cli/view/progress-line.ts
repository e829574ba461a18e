import type { RunProgress } from '../../metrics/progress.ts';
import { formatCount, formatDuration, formatMs, formatNumber, formatShare } from '../../report/format.ts';

/** A run at one moment in one line, for logs and pipes. */
export function progressLine(progress: RunProgress): string {
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
export function rateTexts({ inFlight, launched, ratePerSecond, settledLately, recent }: RunProgress): string[] {
  const allowed = recent.at(-1)?.rateAllowedPerSecond ?? null;
  const intended = ratePerSecond === null ? '' : ` of ${formatNumber(ratePerSecond)}/s`;
  return [
    `in flight ${formatCount(inFlight)}`,
    `launched ${formatCount(launched)}/s${intended}${allowed === null ? '' : `, allowed ${formatNumber(allowed)}/s`}`,
    `ended ${formatCount(settledLately)}/s`,
  ];
}

export function percentDone({ settled, total }: Pick<RunProgress, 'settled' | 'total'>): string {
  return formatShare(total === 0 ? 0 : settled / total);
}

/** Of a run that stops, until what is in flight has ended. */
export function etaText({ etaMs, stopping }: Pick<RunProgress, 'etaMs' | 'stopping'>): string {
  return `${stopping ? 'stopping, ' : ''}ETA ${formatDuration(etaMs)}`;
}

/** Between what stands side by side in a line. */
export const GAP = '   ';

export type Paint = (text: string) => string;

/** A part of a line, painted only once it is known how much of it fits. */
export type TextSegment = { readonly text: string; readonly paint: Paint };

export type Line = readonly TextSegment[];

export function plain(text: string): TextSegment {
  return { text, paint: asItIs };
}

export function asItIs(text: string): string {
  return text;
}

/** Items side by side, as many in each line as fit. */
export function flow(items: readonly TextSegment[], columns: number): Line[] {
  const lines: TextSegment[][] = [];
  let room = 0;
  for (const item of items) {
    const last = lines.at(-1);
    if (last !== undefined && room >= GAP.length + item.text.length) {
      last.push(item);
      room -= GAP.length + item.text.length;
    } else {
      lines.push([item]);
      room = columns - item.text.length;
    }
  }
  return lines;
}

/** The segments with gaps between them, cut at `columns` before they are painted. */
export function paintWithin(segments: Line, columns: number): string {
  let room = columns;
  let line = '';
  segments.forEach(({ text, paint }, index) => {
    const gap = index === 0 ? '' : GAP;
    if (room <= gap.length) return;
    const visible = text.slice(0, room - gap.length);
    room -= gap.length + visible.length;
    line += visible === '' ? '' : `${gap}${paint(visible)}`;
  });
  return line;
}

/** A bar of a share, 0 to 1, with a mark at another one. */
export function barOf(share: number, characters: number, mark: number | null = null): string {
  const filled = Math.round(Math.min(1, share) * characters);
  const bar = '█'.repeat(filled) + '░'.repeat(characters - filled);
  if (mark === null) return bar;
  const at = Math.min(characters - 1, Math.round(mark * characters));
  return `${bar.slice(0, at)}│${bar.slice(at + 1)}`;
}

const LEVELS = [...'▁▂▃▄▅▆▇█'];

/** The newest of the values that fit, the largest as high as a line. */
export function sparkline(values: readonly number[], characters: number): string {
  const shown = values.slice(-characters);
  const largest = Math.max(1, ...shown);
  return shown
    .map((value) => (value <= 0 ? ' ' : LEVELS[Math.ceil((value / largest) * LEVELS.length) - 1]))
    .join('')
    .padStart(Math.min(characters, shown.length));
}
