import { quoteValue } from '../problem/quote-value.ts';
import type { RowCounts } from './row-counter.ts';

/** What the operator should know about usable rows. The remedy is an imperative without a full stop. */
type FleetWarning = { readonly message: string; readonly remedy: string };

/** What a run says before it starts, and a check among its findings. */
export function fleetWarnings({ capitalIds, windows1252 }: RowCounts): readonly FleetWarning[] {
  return [
    ...(capitalIds === 0 ? [] : [capitalIdsWarning(capitalIds)]),
    ...(windows1252 === null ? [] : [windows1252Warning(windows1252)]),
  ];
}

function capitalIdsWarning(count: number): FleetWarning {
  const ids = count === 1 ? '1 registration ID has' : `${count.toLocaleString('en-US')} registration IDs have`;
  return {
    message: `${ids} capital letters and a derived key: whether the service folds the case before it derives the key is unverified`,
    remedy: 'Use lower case, or try a few of these IDs first (--limit)',
  };
}

function windows1252Warning({ rows, columns, line, value }: NonNullable<RowCounts['windows1252']>): FleetWarning {
  const count = rows === 1 ? '1 row has' : `${rows.toLocaleString('en-US')} rows have`;
  const where = `column${columns.length === 1 ? '' : 's'} ${columns.map(quoteValue).join(', ')}`;
  return {
    message:
      `${count} text in ${where} that is not UTF-8; it is read as Windows-1252 and written to the results as UTF-8 ` +
      `(line ${line}: ${quoteValue(value)})`,
    remedy: 'Check that the text shown is right, or save the file as CSV in UTF-8',
  };
}
