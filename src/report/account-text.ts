import { formatCount, formatNoun } from './format.ts';
import { failedOf, type Summary } from './summary.ts';

/** `all 303 devices assigned`, or `226 of 303 devices assigned; 77 rows left out`: every row of the fleet file is counted once. */
export function describeAccount({ account, fleet, results }: Pick<Summary, 'account' | 'fleet' | 'results'>): string {
  const { fileRows, assigned, failed, leftOut, notSelected, notStarted, unknown } = account;
  const failedEarlier = fleet.rounds === 1 ? 0 : failedOf({ results }) - failed;
  const others: readonly (readonly [count: number, text: string])[] = [
    [failed, `${formatCount(failed)} failed`],
    [leftOut, `${formatNoun(leftOut, 'row')} left out`],
    [notSelected, `${formatCount(notSelected)} not selected`],
    [notStarted, `${formatCount(notStarted)} not started`],
    [unknown, `${formatCount(unknown)} unknown`],
    [failedEarlier, `${formatNoun(failedEarlier, 'registration')} of other rounds failed`],
  ];
  const devices = formatNoun(fileRows, 'device');
  const head =
    assigned === fileRows && fileRows > 1
      ? `all ${devices} assigned`
      : `${assigned === 0 ? 'none' : formatCount(assigned)} of ${devices} assigned`;
  const parts = others.filter(([count]) => count > 0).map(([, text]) => text);
  return parts.length === 0 ? head : `${head}; ${parts.join(', ')}`;
}

/** The states of a row in the order of the account, as tables name them. */
export const ACCOUNT_LABELS: Readonly<Record<Exclude<keyof Summary['account'], 'fileRows'>, string>> = {
  assigned: 'assigned',
  failed: 'failed',
  leftOut: 'left out',
  notSelected: 'not selected',
  notStarted: 'not started',
  unknown: 'unknown',
};
