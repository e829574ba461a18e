import type { ExpectedMovement } from '../allocation/allocation-expectation.ts';
import type { FigureComparison, RunComparison } from './compare-runs.ts';
import type { DeviceComparison } from './device-comparison.ts';
import { ABSENT, formatCount, formatNoun, formatNumber, formatShare, formatUntrusted } from './format.ts';
import { type Palette, PLAIN } from './palette.ts';
import { textTable } from './text-table.ts';
import { formatObserved } from './threshold-text.ts';

const SECTIONS = ['latency', 'rates', 'hubs', 'errors'] as const;
const NAME_CHARACTERS_MAX = 60;
const REGRESSED = 'worse';

/** The comparison as text, its verdict first. Ends with a line feed. */
export function comparisonText(comparison: RunComparison, palette: Palette = PLAIN): string {
  const { runs, warnings, figures, devices } = comparison;
  const sections = [
    [
      verdictLine(comparison, palette),
      ...runs.map(({ folder, target }, run) => `${letter(run)}  ${folder} (${target})`),
    ],
    warnings.map((warning) => palette.warning(`warning  ${warning}`)),
    ...SECTIONS.map((section) => {
      const shown = figures.filter((figure) => figure.section === section);
      return shown.length === 0 ? [] : figureTable(section, shown, palette);
    }),
    ...(devices ?? []).map((device, index) => deviceLines(device, letter(index + 1), palette)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function verdictLine({ figures, tolerance }: RunComparison, { good, bad }: Palette): string {
  const worse = figures.filter(({ regressed }) => regressed.includes(true)).length;
  const within = `tolerance ${formatObserved(tolerance, 'share')}`;
  return worse === 0 ? good(`no regression (${within})`) : bad(`${formatNoun(worse, 'figure')} worse (${within})`);
}

function figureTable(section: string, figures: readonly FigureComparison[], palette: Palette): readonly string[] {
  const others = (figures[0]?.values ?? []).slice(1).flatMap((_, index) => [letter(index + 1), 'change']);
  const [head = '', ...lines] = textTable([[section, 'A', ...others, 'spread', ''], ...figures.map(figureCells)]);
  return [palette.bold(head), ...lines.map((line) => (line.endsWith(REGRESSED) ? palette.bad(line) : line))];
}

function figureCells({ name, quantity, values, changes, spread, regressed }: FigureComparison): readonly string[] {
  const cells = values.flatMap((value, run) => {
    const shown = value === null ? ABSENT : formatObserved(value, quantity);
    return run === 0 ? [shown] : [shown, formatChange(changes[run] ?? null, quantity)];
  });
  const mark = regressed.includes(true) ? REGRESSED : '';
  return [formatUntrusted(name, NAME_CHARACTERS_MAX), ...cells, spread === null ? ABSENT : formatShare(spread), mark];
}

/** Growth by this part, to ten times as much, and more is shown as a factor: percentages that large are hard to read. */
const TIMES_CHANGE_MIN = 9;

/** `+1.5 pp` for shares, which change by percentage points; otherwise `-12.5%` or `×25.0`. */
function formatChange(change: number | null, quantity: FigureComparison['quantity']): string {
  if (change === null) return ABSENT;
  if (quantity !== 'share' && change >= TIMES_CHANGE_MIN) return `×${formatNumber(1 + change)}`;
  const sign = change > 0 ? '+' : '';
  return quantity === 'share' ? `${sign}${(change * 100).toFixed(1)} pp` : `${sign}${formatShare(change)}`;
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
