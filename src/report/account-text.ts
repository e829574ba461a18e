import { formatCount, formatNoun, formatUntrusted } from './format.ts';
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

type AccountState = keyof typeof ACCOUNT_LABELS;

/** The account by group as a table, its head first; states that no row has are left out. `null` = no groups. */
export function groupRows({ account, groups }: Pick<Summary, 'account' | 'groups'>): readonly string[][] | null {
  if (groups.length === 0) return null;
  const states = (Object.keys(ACCOUNT_LABELS) as AccountState[]).filter(
    (state) => state === 'assigned' || account[state] > 0,
  );
  const head = ['group', ...states.map((state) => ACCOUNT_LABELS[state])];
  const rows = groups.map((row) => [
    row.group === '' ? '(none)' : formatUntrusted(row.group),
    ...states.map((state) => formatCount(row[state])),
  ]);
  return [head, ...rows];
}

/** `all 50 failures with 401000 have group = line-b, with which no device was assigned` */
export function describeSharedValue({ code, column, value, failed, failedOfCode, assigned }: SharedValue): string {
  const which =
    failed === failedOfCode ? `all ${formatCount(failed)}` : `${formatCount(failed)} of ${formatCount(failedOfCode)}`;
  const others = assigned === 0 ? 'no device' : `only ${formatNoun(assigned, 'device')}`;
  const named = `${formatUntrusted(column)} = ${formatUntrusted(value)}`;
  return `${which} failures with ${formatUntrusted(code)} have ${named}, with which ${others} ${assigned > 1 ? 'were' : 'was'} assigned`;
}

type SharedValue = Summary['sharedValues'][number];
