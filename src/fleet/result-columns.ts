import { quoteForShell } from '../files/quote-for-shell.ts';
import { OperatorError, type Problem, problemIn } from '../problem/operator-error.ts';
import { isSecretLike, quoteValue } from '../problem/quote-value.ts';
import { similarWord } from '../problem/similar-word.ts';
import type { FleetFile } from './fleet-file.ts';
import { columnName } from './fleet-header.ts';
import type { KnownColumn } from './known-columns.ts';

/** Known columns whose values journal and results hold, besides the ID, which is different in every row. */
const HELD_COLUMNS = ['group', 'expected_hub'] as const satisfies readonly KnownColumn[];

/** Columns that the operator names: as in the file, or as dpsload knows them. */
type NamedColumns = {
  readonly names: readonly string[];
  /** Known columns that the file has; `null` = not recorded. */
  readonly knownColumns: readonly KnownColumn[] | null;
  readonly otherColumns: readonly string[];
  /** Labels of agents, which stand in for columns that the file does not have; `null` = not known yet, so that any name may be one. */
  readonly labels: readonly string[] | null;
};

/**
 * The columns of the results that are meant, and labels of agents, each once.
 *
 * @throws OperatorError `usage` with every name that is no such column, and the columns that there are
 */
export function resultColumns(
  fleet: Pick<FleetFile, 'file' | 'columns'>,
  { names, knownColumns, otherColumns, labels }: NamedColumns,
): readonly string[] {
  const held = HELD_COLUMNS.filter((column) => knownColumns?.includes(column) ?? true);
  const meant = new Map<string, string>([
    ...[...(labels ?? names), ...otherColumns].map((name) => [name, name] as const),
    ...held.flatMap((column) => [[column, column] as const, [columnName(fleet, column), column] as const]),
  ]);
  const columns = [...held.map((column) => columnName(fleet, column)), ...otherColumns, ...(labels ?? [])];
  const problems = names.filter((name) => !meant.has(name)).map((name) => noSuchColumn(fleet.file, name, columns));
  if (problems.length > 0) throw new OperatorError('usage', problems);
  return [...new Set(names.map((name) => meant.get(name) ?? name))];
}

function noSuchColumn(file: string, name: string, columns: readonly string[]): Problem {
  const message = `no column ${quoteValue(name)} to show results by`;
  if (columns.length === 0) return problemIn(file, `${message}; the file has no suitable column`, 'Omit --by');
  const similar = similarWord(
    name,
    columns.filter((column) => !isSecretLike(column)),
  );
  const meant = similar === null ? '' : `Did you mean --by ${quoteForShell(similar)}? Otherwise name`;
  const remedy = `${meant || 'Name'} one of them`;
  return problemIn(file, `${message}; suitable columns are ${columns.map(quoteValue).join(', ')}`, remedy);
}
