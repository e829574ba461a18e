import type { ExpectedMovement } from '../allocation/allocation-expectation.ts';
import type { Interval } from '../allocation/share-interval.ts';
import type { FigureComparison, FigureVerdict, RunComparison } from './compare-runs.ts';
import type { DeviceComparison } from './device-comparison.ts';
import { ABSENT, formatCount, formatNoun, formatNumber, formatShare, formatUntrusted } from './format.ts';
import { type Palette, PLAIN } from './palette.ts';
import { textTable } from './text-table.ts';
import { formatObserved } from './threshold-text.ts';

const SECTIONS = ['latency', 'rates', 'hubs', 'errors'] as const;
const NAME_CHARACTERS_MAX = 60;

/** The comparison as text, its verdict first. Ends with a line feed. */
export function comparisonText(comparison: RunComparison, palette: Palette = PLAIN): string {
  const { runs, baselines, warnings, figures, devices } = comparison;
  const sections = [
    [
      verdictLine(comparison, palette),
      ...runs.map(
        ({ folder, target }, run) => `${letter(run)}  ${folder} (${target})${run < baselines ? ', baseline' : ''}`,
      ),
    ],
    warnings.map((warning) => palette.warning(`warning  ${warning}`)),
    ...SECTIONS.map((section) => {
      const shown = figures.filter((figure) => figure.section === section);
      return shown.length === 0 ? [] : figureTable(section, shown, comparison, palette);
    }),
    ...(devices ?? []).map((device, index) => deviceLines(device, letter(index + baselines), palette)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function verdictLine(
  { verdict, figures, tolerance, confidence }: RunComparison,
  { good, bad, warning }: Palette,
): string {
  const within = `tolerance ${formatObserved(tolerance, 'share')}`;
  const count = (...sought: readonly FigureVerdict[]): number =>
    figures.filter(({ verdicts }) => verdicts.some((each) => each !== null && sought.includes(each))).length;
  switch (verdict) {
    case 'worse':
      return bad(
        `${formatNoun(count('worse', 'changed'), 'figure')} worse (${within}, ${percentOf(confidence)} confidence)`,
      );
    case 'inconclusive':
      return warning(
        `inconclusive: no figure is clearly worse, but ${formatNoun(count('inconclusive'), 'figure')} cannot be told from chance (${within}). To learn more, use longer runs or several baseline runs (--baseline)`,
      );
    case 'not-worse':
      return good(`no regression (${within})`);
  }
}

/** `99%` */
function percentOf(confidence: number): string {
  return formatObserved(confidence, 'share');
}

/** With two runs, the change says the same. */
const SPREAD_RUNS_MIN = 3;

function figureTable(
  section: string,
  figures: readonly FigureComparison[],
  { baselines, runs, confidence }: RunComparison,
  palette: Palette,
): readonly string[] {
  const hasSpread = runs.length >= SPREAD_RUNS_MIN;
  const heads = runs.flatMap((_, run) =>
    run < baselines ? [letter(run)] : [letter(run), 'change', `${percentOf(confidence)} interval`, ''],
  );
  const rows = figures.map((figure) => figureCells(figure, baselines, hasSpread));
  const [head = '', ...lines] = textTable([[section, ...heads, ...(hasSpread ? ['spread'] : [])], ...rows]);
  return [
    palette.bold(head),
    ...lines.map((line, index) => (figures[index]?.regressed.includes(true) ? palette.bad(line) : line)),
  ];
}

function figureCells(figure: FigureComparison, baselines: number, hasSpread: boolean): readonly string[] {
  const { name, quantity, values, changes, intervals, verdicts, spread } = figure;
  const cells = values.flatMap((value, run) => {
    const shown = value === null ? ABSENT : formatObserved(value, quantity);
    if (run < baselines) return [shown];
    const interval = formatInterval(intervals[run] ?? null, quantity);
    return [shown, formatChange(changes[run] ?? null, quantity), interval, verdicts[run] ?? ''];
  });
  const spreadCell = spread === null ? ABSENT : formatShare(spread);
  return [formatUntrusted(name, NAME_CHARACTERS_MAX), ...cells, ...(hasSpread ? [spreadCell] : [])];
}

function formatInterval(interval: Interval | null, quantity: FigureComparison['quantity']): string {
  if (interval === null) return '';
  const { lower, upper } = interval;
  if (isShownAsFactor(upper, quantity)) return `${formatFactor(lower)} to ${formatFactor(upper)}`;
  return `${formatChange(lower, quantity)} to ${formatChange(upper, quantity)}`;
}

/** Growth by this part, to ten times as much, and more is shown as a factor: percentages that large are hard to read. */
const TIMES_CHANGE_MIN = 9;

/** Smaller changes are shown as none, and without a sign. */
const SHOWN_CHANGE_MIN = 0.0005;

/** `+1.5 pp` for shares, which change by percentage points; otherwise `−12.5%` or `×25.0`. */
function formatChange(exact: number | null, quantity: FigureComparison['quantity']): string {
  if (exact === null) return ABSENT;
  if (isShownAsFactor(exact, quantity)) return formatFactor(exact);
  const change = Math.abs(exact) < SHOWN_CHANGE_MIN ? 0 : exact;
  const sign = change > 0 ? '+' : change < 0 ? '−' : '';
  const size = Math.abs(change);
  return quantity === 'share' ? `${sign}${(size * 100).toFixed(1)} pp` : `${sign}${formatShare(size)}`;
}

function isShownAsFactor(change: number, quantity: FigureComparison['quantity']): boolean {
  return quantity !== 'share' && change >= TIMES_CHANGE_MIN;
}

/** `×25.0` for growth to 25 times as much, `×0.50` for half. */
function formatFactor(change: number): string {
  return `×${formatNumber(1 + change)}`;
}

function deviceLines(
  { changes, changedDeviceId, expectedMovement, slower, faster, moved, lost }: DeviceComparison,
  run: string,
  palette: Palette,
): string[] {
  const named = (ids: readonly string[]): string =>
    ids.length === 0 ? '' : `  ${ids.map((id) => formatUntrusted(id, NAME_CHARACTERS_MAX)).join(', ')}`;
  return [
    palette.bold(`devices: ${run} against A`),
    ...textTable(
      [
        ['kept their hub', formatCount(changes.keptHub)],
        ['moved to another hub', `${formatCount(changes.movedHub)}${movedShare(changes)}${named(moved)}`],
        ...(expectedMovement === null ? [] : [['expected to move', describeExpected(expectedMovement)]]),
        ['changed device ID', formatCount(changedDeviceId)],
        ['no longer assigned', `${formatCount(changes.lost)}${named(lost)}`],
        ['possibly still assigned', formatCount(changes.untold)],
        ['newly assigned', formatCount(changes.won)],
        ['assigned in neither run', formatCount(changes.neverAssigned)],
        ['longer service time', formatCount(slower)],
        ['shorter service time', formatCount(faster)],
      ],
      'left',
    ),
  ];
}

function describeExpected({ least, redrawn }: ExpectedMovement): string {
  return `at least ${formatShare(least)} for these shares; ${formatShare(redrawn)} if every device were reallocated`;
}

function movedShare({ keptHub, movedHub }: DeviceComparison['changes']): string {
  return movedHub === 0 ? '' : ` (${formatShare(movedHub / (keptHub + movedHub))})`;
}

function letter(run: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + run);
}
