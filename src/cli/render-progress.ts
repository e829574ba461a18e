import type { SampleRecord } from '../journal/journal-record.ts';
import { targetLabel } from '../journal/target-label.ts';
import type { DurationSummary } from '../metrics/duration-histogram.ts';
import type { Progress } from '../metrics/progress.ts';
import {
  formatCount,
  formatDuration,
  formatForeign,
  formatMs,
  formatNoun,
  formatNumber,
  formatShare,
} from '../report/format.ts';
import type { Palette } from '../report/palette.ts';

/** So many of each fit with the rest on a terminal of 24 rows. */
const HUBS_SHOWN_MAX = 5;
const ERRORS_SHOWN_MAX = 4;

const BAR_CHARACTERS_MAX = 40;
/** Below this a bar tells less than the number beside it. */
const BAR_CHARACTERS_MIN = 10;
const HUB_CHARACTERS_MAX = 40;
const DURATION_CHARACTERS = 9;
const GAP = '   ';

type Paint = (text: string) => string;
type Segment = { readonly text: string; readonly paint: Paint };

/** A run at one moment, in lines of at most `columns` characters each, without a line feed at the end. */
export function renderProgress(progress: Progress, columns: number, palette: Palette): string {
  const lines = [
    [headline(progress, palette)],
    ...doneLines(progress, columns, palette),
    ...flow(rates(progress, palette), columns),
    ...phaseLines(progress, palette),
    ...hubLines(progress, columns, palette),
    ...errorLines(progress, palette),
    ...flow(healthItems(progress.lastSample, palette), columns),
  ];
  return lines.map((segments) => paintWithin(segments, columns)).join('\n');
}

/** A run at one moment in one line, for logs and pipes. */
export function progressLine(progress: Progress): string {
  const { settled, total, elapsedMs, etaMs, accepted } = progress;
  return [
    `${formatDuration(elapsedMs)}:`,
    `${formatCount(settled)}/${formatCount(total)} (${percent(settled, total)})`,
    ...rateTexts(progress),
    `throttles ${formatCount(progress.throttles)}`,
    `failed ${formatCount(progress.failed)}`,
    ...(accepted === null ? [] : [`accepted p50 ${formatMs(accepted.p50Ms)} ms p95 ${formatMs(accepted.p95Ms)} ms`]),
    `ETA ${formatDuration(etaMs)}`,
  ].join('  ');
}

function headline({ target, name }: Progress, { bold }: Palette): Segment {
  return { text: `${targetLabel(target)}${name === null ? '' : `${GAP}${name}`}`, paint: bold };
}

function doneLines(progress: Progress, columns: number, palette: Palette): Segment[][] {
  const { settled, total, elapsedMs, etaMs } = progress;
  const items = [
    `${formatCount(settled)}/${formatCount(total)}`,
    percent(settled, total),
    `elapsed ${formatDuration(elapsedMs)}`,
    `ETA ${formatDuration(etaMs)}`,
  ].map(plain);
  const room = columns - items.reduce((sum, { text }) => sum + GAP.length + text.length, 0);
  if (room < BAR_CHARACTERS_MIN) return flow(items, columns);
  const bar = {
    text: barOf(total === 0 ? 0 : settled / total, Math.min(room, BAR_CHARACTERS_MAX)),
    paint: palette.good,
  };
  return flow([bar, ...items], columns);
}

function rates(progress: Progress, palette: Palette): Segment[] {
  const { throttles, repeatedRegisters, failed } = progress;
  const counted = (label: string, count: number, paint: Paint): Segment => ({
    text: `${label} ${formatCount(count)}`,
    paint: count === 0 ? asItIs : paint,
  });
  return [
    ...rateTexts(progress).map(plain),
    counted('throttles', throttles, palette.warning),
    counted('repeated', repeatedRegisters, palette.warning),
    counted('failed', failed, palette.bad),
  ];
}

function rateTexts({ inFlight, launched, ratePerSecond, settledLately }: Progress): string[] {
  const intended = ratePerSecond === null ? '' : ` of ${formatNumber(ratePerSecond)}/s`;
  return [
    `in flight ${formatCount(inFlight)}`,
    `launched ${formatCount(launched)}/s${intended}`,
    `ended ${formatCount(settledLately)}/s`,
  ];
}

function phaseLines({ accepted, service }: Progress, { dim }: Palette): Segment[][] {
  if (accepted === null && service === null) return [];
  const row = (label: string, cells: readonly string[]): string =>
    [label.padEnd(DURATION_CHARACTERS), ...cells.map((cell) => cell.padStart(DURATION_CHARACTERS))].join('');
  const durations = (label: string, summary: DurationSummary | null): Segment[][] =>
    summary === null
      ? []
      : [[plain(row(label, [summary.p50Ms, summary.p95Ms, summary.p99Ms, summary.maxMs].map(formatMs)))]];
  return [
    [{ text: row('ms', ['p50', 'p95', 'p99', 'max']), paint: dim }],
    ...durations('accepted', accepted),
    ...durations('service', service),
  ];
}

function hubLines({ hubs }: Progress, columns: number, palette: Palette): Segment[][] {
  // By name, so that hubs with nearly equal shares do not change places from one frame to the next.
  const shown = hubs.slice(0, HUBS_SHOWN_MAX).sort((a, b) => (a.hub < b.hub ? -1 : 1));
  const figures = shown.map(({ count, share }) => [formatShare(share).padStart(6), formatCount(count)].join(GAP));
  const room = columns - GAP.length - Math.max(0, ...figures.map((text) => text.length));
  const names = shown.map(({ hub }) => formatForeign(hub, Math.max(1, Math.min(room, HUB_CHARACTERS_MAX))));
  const nameCharacters = Math.max(0, ...names.map((name) => name.length));
  const barCharacters = Math.min(room - nameCharacters - GAP.length, BAR_CHARACTERS_MAX);
  const lines = shown.map(({ share }, index) => [
    plain((names[index] ?? '').padEnd(nameCharacters)),
    ...(barCharacters < BAR_CHARACTERS_MIN ? [] : [{ text: barOf(share, barCharacters), paint: palette.good }]),
    plain(figures[index] ?? ''),
  ]);
  return [...lines, ...moreLine(hubs.length - shown.length, 'hub', palette)];
}

function errorLines({ errors }: Progress, palette: Palette): Segment[][] {
  const shown = errors.slice(0, ERRORS_SHOWN_MAX);
  const lines = shown.map(({ code, count, message }) => [
    { text: formatForeign(code, HUB_CHARACTERS_MAX), paint: palette.bad },
    plain(formatCount(count)),
    plain(message === null ? '' : formatForeign(message, message.length)),
  ]);
  return [...lines, ...moreLine(errors.length - shown.length, 'code', palette)];
}

function moreLine(count: number, noun: string, { dim }: Palette): Segment[][] {
  return count <= 0 ? [] : [[{ text: `and ${formatNoun(count, `more ${noun}`)}`, paint: dim }]];
}

function healthItems(sample: SampleRecord | null, { dim }: Palette): Segment[] {
  if (sample === null) return [];
  const { startLagMaxMs, loopDelayMaxMs, cpuShare, emulatorCpuShare, fileDescriptors } = sample;
  const texts = [
    ...(startLagMaxMs === null ? [] : [`start lag ${formatMs(startLagMaxMs)} ms`]),
    ...(loopDelayMaxMs.length === 0 ? [] : [`loop delay ${formatMs(Math.max(...loopDelayMaxMs))} ms`]),
    `CPU ${formatNumber(cpuShare)} cores`,
    ...(emulatorCpuShare === null ? [] : [`emulator ${formatNumber(emulatorCpuShare)} cores`]),
    ...(fileDescriptors === null ? [] : [`files ${formatCount(fileDescriptors)}`]),
  ];
  return texts.map((text) => ({ text, paint: dim }));
}

/** Items side by side, as many in each line as fit. */
function flow(items: readonly Segment[], columns: number): Segment[][] {
  const lines: Segment[][] = [];
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
function paintWithin(segments: readonly Segment[], columns: number): string {
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

function barOf(share: number, characters: number): string {
  const filled = Math.round(Math.min(1, share) * characters);
  return '█'.repeat(filled) + '░'.repeat(characters - filled);
}

function percent(settled: number, total: number): string {
  return formatShare(total === 0 ? 0 : settled / total);
}

function plain(text: string): Segment {
  return { text, paint: asItIs };
}

function asItIs(text: string): string {
  return text;
}
