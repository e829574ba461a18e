import type { SampleRecord } from '../../journal/journal-record.ts';
import { targetLabel } from '../../journal/target-name.ts';
import type { Eta } from '../../metrics/eta.ts';
import { perSecond, type RunProgress, WATCHED_METRICS, type WatchedMetric } from '../../metrics/progress.ts';
import {
  formatCount,
  formatDuration,
  formatMs,
  formatNoun,
  formatNumber,
  formatShare,
  formatUntrusted,
  withoutControls,
} from '../../report/format.ts';
import type { Palette } from '../../report/palette.ts';
import { AGENTS_SHOWN_MAX, agentLines, agentsText, LOOP_DELAY_SHOWN_MS } from './agent-lines.ts';
import { phaseParts, phaseWords } from './phase-text.ts';
import {
  asItIs,
  barOf,
  flow,
  GAP,
  type Line,
  type Paint,
  paintWithin,
  plain,
  shortened,
  sparkline,
  type TextSegment,
} from './terminal-line.ts';

/** The most informative metrics, for screens without room for all. */
const METRICS_ON_FEW_ROWS: readonly WatchedMetric[] = ['tls', 'accepted', 'assigned', 'service', 'response'];

const HUBS_SHOWN_MAX = 20;
const ERRORS_SHOWN_MAX = 20;
/** A terminal with this many rows has room for everything. */
const ROWS_MANY = 40;

const BAR_CHARACTERS_MAX = 80;
/** A shorter bar says less than the number beside it. */
const BAR_CHARACTERS_MIN = 10;
const NAME_CHARACTERS_MAX = 40;
const DURATION_CHARACTERS = 9;
/** One character for each of the last 60 seconds. */
const SPARK_CHARACTERS_MAX = 60;

/** The progress of a run in one line, for logs and pipes. */
export function progressLine(progress: RunProgress): string {
  const { settled, settledBefore, total, elapsedMs, latency } = progress;
  const { accepted } = latency;
  const before = settledBefore === 0 ? '' : `, ${formatCount(settledBefore)} before`;
  return [
    `${formatDuration(elapsedMs)}:`,
    phaseWords(progress),
    `${formatCount(settled)}/${formatCount(total)} (${percentDone(progress)}${before})`,
    ...rateTexts(progress),
    `throttles ${formatCount(progress.throttles)}`,
    `failed ${formatCount(progress.failed)}`,
    ...agentsText(progress.recent.at(-1)?.agents ?? []),
    ...(accepted === null ? [] : [`accepted p50 ${formatMs(accepted.p50Ms)} ms p95 ${formatMs(accepted.p95Ms)} ms`]),
    etaText(progress),
  ].join('  ');
}

/** In flight; launched, with the intended and the allowed rate while more is to be launched; ended. */
function rateTexts({ inFlight, launched, phase, ratePerSecond, settledLately, recent }: RunProgress): string[] {
  const allowed = recent.at(-1)?.rateAllowedPerSecond ?? null;
  const isOver = phase.kind === 'draining' || phase.kind === 'stopping' || phase.kind === 'ended';
  const intended = ratePerSecond === null || isOver ? '' : ` of ${formatNumber(ratePerSecond)}/s`;
  return [
    `in flight ${formatCount(inFlight)}`,
    `launched ${formatCount(launched)}/s${intended}${allowed === null ? '' : `, allowed ${formatNumber(allowed)}/s`}`,
    `ended ${formatCount(settledLately)}/s`,
  ];
}

function percentDone({ settled, total }: Pick<RunProgress, 'settled' | 'total'>): string {
  return formatShare(total === 0 ? 0 : settled / total);
}

/** A range is a single figure where its ends are this close, as a ratio or in time. */
const SURE = { ratio: 1.25, ms: 2_000 } as const;

/** `15 s`, `20 to 35 s`, `50 s to 2 min`, `2 to 5 min` */
function formatEta({ lowMs, highMs }: Eta): string {
  if (highMs <= lowMs * SURE.ratio || highMs - lowMs <= SURE.ms) return formatDuration((lowMs + highMs) / 2);
  const [low, high] = [roundedDuration(lowMs), roundedDuration(highMs)];
  if (low.text === high.text) return low.text;
  return low.unit === high.unit ? `${low.number} to ${high.text}` : `${low.text} to ${high.text}`;
}

const UNITS = [
  { unit: 'h', ms: 3_600_000 },
  { unit: 'min', ms: 60_000 },
  { unit: 's', ms: 1_000 },
] as const;

/** In the largest unit of which there are two, since the end of a range is no measurement. */
function roundedDuration(durationMs: number): {
  readonly number: string;
  readonly unit: string;
  readonly text: string;
} {
  const { unit, ms } = UNITS.find((each) => durationMs >= 2 * each.ms) ?? UNITS[2];
  const number = formatCount(Math.round(durationMs / ms));
  return { number, unit, text: `${number} ${unit}` };
}

/** While a run stops, the ETA is that of the registrations in flight. */
function etaText({ eta }: Pick<RunProgress, 'eta'>): string {
  return `ETA ${eta === null ? formatDuration(null) : formatEta(eta)}`;
}

/** The size of a terminal, in characters. */
export type ScreenSize = { readonly columns: number; readonly rows: number };

/** The progress of a run in at most `rows` lines of at most `columns` characters each, without a final line feed. */
export function renderProgress(progress: RunProgress, { columns, rows }: ScreenSize, palette: Palette): string {
  const head = [
    [headline(progress, columns, palette)],
    ...flow(phaseItems(progress, palette), columns),
    ...doneLines(progress, columns, palette),
    ...flow(rateItems(progress, palette), columns),
  ];
  const trends = rows < ROWS_MANY ? [] : trendLines(progress, columns, palette);
  const phases = phaseLines(progress, rows < ROWS_MANY ? METRICS_ON_FEW_ROWS : WATCHED_METRICS, palette);
  const health = flow(healthItems(progress.recent.at(-1) ?? null, palette), columns);
  const agents = agentLines(
    progress,
    rows < ROWS_MANY ? AGENTS_SHOWN_MAX.few : AGENTS_SHOWN_MAX.many,
    columns,
    palette,
  );
  const room = rows - head.length - trends.length - phases.length - agents.length - health.length;
  const { hubs, errors } = progress;
  const errorRows = Math.min(
    errors.length,
    ERRORS_SHOWN_MAX + 1,
    Math.max(room - hubs.length, Math.floor(room / 2), 0),
  );
  const hubRows = Math.min(hubs.length, HUBS_SHOWN_MAX + 1, Math.max(room - errorRows, 0));
  const sections = [
    head,
    trends,
    phases,
    hubLines(progress, hubRows, columns, palette),
    errorLines(progress, errorRows, columns, palette),
    agents,
    health,
  ].filter((lines) => lines.length > 0);
  return spread(sections, rows)
    .map((segments) => paintWithin(segments, columns))
    .join('\n');
}

/** Separates the sections by empty lines, if there is room for all of them. */
function spread(sections: readonly (readonly Line[])[], rows: number): readonly Line[] {
  const lines = sections.flat();
  if (lines.length + sections.length - 1 > rows) return lines.slice(0, rows);
  return sections.flatMap((section, index) => (index === 0 ? section : [[], ...section]));
}

function headline({ target, name }: RunProgress, columns: number, { bold }: Palette): TextSegment {
  const label = targetLabel(target);
  const room = columns - label.length - GAP.length;
  const shown = name === null ? '' : shortened(formatUntrusted(name, NAME_CHARACTERS_MAX), Math.max(0, room));
  return { text: shown === '' ? label : `${label}${GAP}${shown}`, paint: bold };
}

function phaseItems(progress: RunProgress, { bad, bold, dim, warning }: Palette): TextSegment[] {
  const { settledBefore } = progress;
  const { kind } = progress.phase;
  const before = settledBefore === 0 ? [] : [`${formatCount(settledBefore)} settled earlier (hubs: this session)`];
  const [phase = '', ...others] = phaseParts(progress);
  const paint = kind === 'outage' ? bad : kind === 'stopping' ? warning : bold;
  return [{ text: phase, paint }, ...[...before, ...others].map((text) => ({ text, paint: dim }))];
}

function doneLines(progress: RunProgress, columns: number, palette: Palette): Line[] {
  const { settled, total, elapsedMs } = progress;
  const items = [
    `${formatCount(settled)}/${formatCount(total)}`,
    percentDone(progress),
    `elapsed ${formatDuration(elapsedMs)}`,
    etaText(progress),
  ].map(plain);
  const room = columns - items.reduce((sum, { text }) => sum + GAP.length + text.length, 0);
  if (room < BAR_CHARACTERS_MIN) return flow(items, columns);
  const bar = {
    text: barOf(total === 0 ? 0 : settled / total, Math.min(room, BAR_CHARACTERS_MAX)),
    paint: palette.good,
  };
  return flow([bar, ...items], columns);
}

function rateItems(progress: RunProgress, palette: Palette): TextSegment[] {
  const { throttles, repeatedRegisters, failed } = progress;
  const counted = (label: string, count: number, paint: Paint): TextSegment => ({
    text: `${label} ${formatCount(count)}`,
    paint: count === 0 ? asItIs : paint,
  });
  return [
    ...rateTexts(progress).map(plain),
    counted('throttles', throttles, palette.warning),
    counted('retries', repeatedRegisters, palette.warning),
    counted('failed', failed, palette.bad),
  ];
}

/** Rates of the last minute, one character per second. */
function trendLines({ recent }: RunProgress, columns: number, { dim, good, warning }: Palette): Line[] {
  const room = columns - 2 * (DURATION_CHARACTERS + GAP.length);
  if (recent.length === 0 || room < BAR_CHARACTERS_MIN) return [];
  const trend = (metric: 'launched' | 'settled' | 'throttles', paint: Paint, label: string = metric): Line => {
    const values = recent.map((sample) => perSecond(sample, metric));
    const spark = sparkline(values, Math.min(room, SPARK_CHARACTERS_MAX));
    const most = `max ${formatCount(Math.max(...values))}/s`;
    return [
      { text: label.padEnd(DURATION_CHARACTERS), paint: dim },
      { text: spark, paint },
      { text: most, paint: dim },
    ];
  };
  return [
    trend('launched', asItIs),
    trend('settled', good, 'ended'),
    ...(recent.some(({ throttles }) => throttles > 0) ? [trend('throttles', warning)] : []),
  ];
}

function phaseLines({ latency }: RunProgress, metrics: readonly WatchedMetric[], { dim }: Palette): Line[] {
  const row = (label: string, cells: readonly string[]): string =>
    [label.padEnd(DURATION_CHARACTERS), ...cells.map((cell) => cell.padStart(DURATION_CHARACTERS))].join('');
  const rows = metrics.flatMap((metric): Line[] => {
    const summary = latency[metric];
    if (summary === null) return [];
    const { p50Ms, p95Ms, p99Ms, maxMs } = summary;
    return [[plain(row(metric, [p50Ms, p95Ms, p99Ms, maxMs].map(formatMs)))]];
  });
  return rows.length === 0 ? [] : [[{ text: row('ms', ['p50', 'p95', 'p99', 'max']), paint: dim }], ...rows];
}

function hubLines({ hubs }: RunProgress, rowsMax: number, columns: number, palette: Palette): Line[] {
  const count = shownOf(hubs.length, rowsMax);
  // By name, so that hubs with nearly equal shares keep their places from frame to frame.
  const shown = hubs.slice(0, count).sort((a, b) => (a.hub < b.hub ? -1 : 1));
  const counts = aligned(shown.map(({ count: devices }) => formatCount(devices)));
  const expecting = shown.some(({ expectedShare }) => expectedShare !== null);
  const figures = shown.map(({ share, expectedShare }, index) =>
    [
      counts[index],
      formatShare(share).padStart(6),
      ...(expecting ? [expectedShare === null ? 'expected –' : `expected ${formatShare(expectedShare)}`] : []),
    ].join(GAP),
  );
  const room = columns - GAP.length - Math.max(0, ...figures.map((text) => text.length));
  const names = shown.map(({ hub }) => formatUntrusted(hub, Math.max(1, Math.min(room, NAME_CHARACTERS_MAX))));
  const nameCharacters = Math.max(0, ...names.map((name) => name.length));
  const barCharacters = Math.min(room - nameCharacters - GAP.length, BAR_CHARACTERS_MAX);
  const lines = shown.map(({ share, expectedShare }, index) => [
    plain((names[index] ?? '').padEnd(nameCharacters)),
    ...(barCharacters < BAR_CHARACTERS_MIN
      ? []
      : [{ text: barOf(share, barCharacters, expectedShare), paint: palette.good }]),
    plain(figures[index] ?? ''),
  ]);
  return rowsMax === 0 ? [] : [...lines, ...moreLine(hubs.length - count, 'hub', palette)];
}

function errorLines({ errors }: RunProgress, rowsMax: number, columns: number, palette: Palette): Line[] {
  const shown = errors.slice(0, shownOf(errors.length, rowsMax));
  const codes = shown.map(({ code }) => formatUntrusted(code, NAME_CHARACTERS_MAX));
  const codeCharacters = Math.max(0, ...codes.map((code) => code.length));
  const counts = aligned(shown.map(({ count }) => formatCount(count)));
  const growth = aligned(shown.map(({ lately }) => (lately === 0 ? '' : `+${formatCount(lately)} in 10 s`)));
  const lines = shown.map(({ message }, index) => {
    const figures: Line = [
      { text: (codes[index] ?? '').padEnd(codeCharacters), paint: palette.bad },
      plain(counts[index] ?? ''),
      ...(growth[index] === '' ? [] : [{ text: growth[index] ?? '', paint: palette.warning }]),
    ];
    const room = figures.reduce((left, { text }) => left - text.length - GAP.length, columns);
    return [...figures, plain(message === null ? '' : shortened(withoutControls(message), room))];
  });
  return rowsMax === 0 ? [] : [...lines, ...moreLine(errors.length - shown.length, 'code', palette)];
}

/** Number of list items shown in `rowsMax` rows: one row fewer if the last row must say that there are more. */
function shownOf(length: number, rowsMax: number): number {
  return length <= rowsMax ? length : Math.max(0, rowsMax - 1);
}

function moreLine(count: number, noun: string, { dim }: Palette): Line[] {
  return count <= 0 ? [] : [[{ text: `and ${formatNoun(count, `more ${noun}`)}`, paint: dim }]];
}

function aligned(texts: readonly string[]): readonly string[] {
  const characters = Math.max(0, ...texts.map((text) => text.length));
  return texts.map((text) => text.padStart(characters));
}

/** Shows whether the load generator is slow, rather than the service. */
function healthItems(sample: SampleRecord | null, { dim, warning }: Palette): TextSegment[] {
  if (sample === null) return [];
  const { agents, startLagMaxMs, loopDelayMaxMs, saturatedMs, cpuShare, emulatorCpuShare, fileDescriptors } = sample;
  const usual = (text: string): TextSegment => ({ text, paint: dim });
  const noted = (text: string, note: string | null): TextSegment =>
    note === null ? usual(text) : { text: `${text} (${note})`, paint: warning };
  const loopDelayMs = Math.max(0, ...loopDelayMaxMs);
  const loopNote = loopDelayMs > LOOP_DELAY_SHOWN_MS ? 'the load generator stood still' : null;
  const ownItems = (cpuNote: string | null): TextSegment[] => [
    noted(`CPU ${formatNumber(cpuShare)} cores`, cpuNote),
    ...(emulatorCpuShare === null ? [] : [usual(`emulator ${formatNumber(emulatorCpuShare)} cores`)]),
    ...(fileDescriptors === null ? [] : [usual(`files ${formatCount(fileDescriptors)}`)]),
  ];
  if (agents.length > 0) return [usual('coordinator'), ...ownItems(null)];
  return [
    usual('health'),
    ...(startLagMaxMs === null ? [] : [usual(`start lag ${formatMs(startLagMaxMs)} ms`)]),
    ...(loopDelayMaxMs.length === 0 ? [] : [noted(`loop delay ${formatMs(loopDelayMs)} ms`, loopNote)]),
    ...ownItems(saturatedMs > 0 ? 'a worker is at its limit' : null),
  ];
}
