import { labelValue, type PinBy, pinValueOf } from '../fleet/pin-column.ts';
import type { SessionRecord } from '../journal/journal-record.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { quoteValue } from '../problem/quote-value.ts';
import { formatNoun } from '../report/format.ts';
import { rowsLeft } from '../selection/session-rows.ts';
import type { PinChoice, PinnedRow } from './row-pins.ts';
import { type RunRequest, workOf } from './run-request.ts';

/** Values of the pinning column; nobody has agents in more places, and a column with more is another one. */
const PIN_VALUES_MAX = 1_000;

/** Values that one problem names. */
const VALUES_NAMED_MAX = 10;

/**
 * How the rows of a run are pinned to agents; `null` = they are not.
 *
 * @throws OperatorError `usage` when the fleet has no such column, or rows have a value that no agent has, before anything is sent
 */
export async function pinChoiceOf(request: RunRequest): Promise<PinChoice | null> {
  const { agents, fleet } = request.scenario;
  if (agents === null || agents.pinBy === null) return null;
  const { pinBy, withinMs } = agents;
  const valueIn = pinValueOf(fleet, request.fleet.otherColumns, pinBy);
  const counts = await countValues(rowsLeft(workOf(request)), valueIn);
  const problems = pinProblems(fleet.file, pinBy, counts, request.agents);
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return { label: pinBy.label, valueIn, withinMs };
}

/** Rows by value; stops counting beyond `PIN_VALUES_MAX` values. */
async function countValues(
  rows: AsyncIterable<PinnedRow>,
  valueIn: PinChoice['valueIn'],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for await (const row of rows) {
    const value = valueIn(row);
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > PIN_VALUES_MAX) break;
  }
  return counts;
}

/** @param counts rows by their value in the column */
export function pinProblems(
  file: string,
  { label, column }: PinBy,
  counts: ReadonlyMap<string, number>,
  agents: readonly Pick<SessionRecord['agents'][number], 'name' | 'labels'>[],
): readonly Problem[] {
  const named = `column ${quoteValue(column)}`;
  if (counts.size > PIN_VALUES_MAX) {
    const message = `${named} has more than ${PIN_VALUES_MAX.toLocaleString('en-US')} values, too many to pin rows by`;
    return [problemIn(file, message, 'Name a column that says where a device is: --pin-by LABEL=COLUMN')];
  }
  const there = new Set(agents.map(({ labels }) => labelValue(labels, label)));
  const missing = [...counts].filter(([value]) => value !== '' && !there.has(value));
  const empty = counts.get('') ?? 0;
  const unlabelled = agents.filter(({ labels }) => labelValue(labels, label) === null);
  const [first = ''] = missing[0] ?? [];
  return [
    ...problemIf(missing.length > 0, {
      message: `no agent has the label ${label} with these values of ${named}: ${namesOf(missing)}`,
      remedy: `Start agents with these labels, such as --label ${label}=${quoteValue(first)}, or leave these rows out with --only`,
    }),
    ...problemIf(empty > 0, {
      message: `${formatNoun(empty, 'row')} with nothing in ${named}, by which rows are pinned to agents`,
      remedy: 'Say in each row where the device is, or leave these rows out with --only',
    }),
    ...problemIf(unlabelled.length > 0, {
      message: `no row can go to agents without the label ${label}: ${unlabelled.map(({ name }) => name).join(', ')}`,
      remedy: `Start them with --label ${label}=VALUE, or stop them and lower --agents`,
    }),
  ].map(({ message, remedy }) => problemIn(file, message, remedy));
}

function problemIf<Found>(isFound: boolean, found: Found): readonly Found[] {
  return isFound ? [found] : [];
}

function namesOf(counts: readonly (readonly [value: string, rows: number])[]): string {
  const named = counts
    .slice(0, VALUES_NAMED_MAX)
    .map(([value, rows]) => `${quoteValue(value)} (${formatNoun(rows, 'row')})`);
  return `${named.join(', ')}${counts.length > named.length ? ` and ${counts.length - named.length} more` : ''}`;
}
