import { REGISTRATION_RESULTS, type RegistrationResult } from '../registration/registration-outcome.ts';
import { ABSENT, formatCount, formatNoun, formatUntrusted } from './format.ts';
import { failedOf, leftByResult, type Summary } from './summary.ts';

/** `all 303 devices assigned`, or `226 of 303 devices assigned; 77 rows left out`: every row of the fleet file is counted once. */
export function describeAccount({ account, fleet, results }: AccountedRun): string {
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

/** What the run's registrations ended with, and how many did; results that none has are left out, except `assigned`. */
export function resultRows(summary: AccountedRun): readonly ResultRow[] {
  // A row that was not selected has no result of the run: the account counts it.
  const counts = { ...summary.results, ...leftByResult(summary) };
  return REGISTRATION_RESULTS.filter((result) => result === 'assigned' || counts[result] > 0).map((result) => ({
    result,
    // A state has one word in all texts.
    label: result === 'not-started' ? ACCOUNT_LABELS.notStarted : result,
    count: counts[result],
  }));
}

type ResultRow = { readonly result: RegistrationResult; readonly label: string; readonly count: number };

type AccountedRun = Pick<Summary, 'account' | 'results'> & { readonly fleet: Pick<Summary['fleet'], 'rounds'> };

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

/** The account by the values of a column, its head first. */
type AccountTable = { readonly column: string; readonly rows: readonly string[][] };

/** The account by group, unless --by names that column, then by each column of --by. States that no row has are left out. */
export function accountsByColumn({
  account,
  groups,
  breakdowns,
}: Pick<Summary, 'account' | 'groups' | 'breakdowns'>): readonly AccountTable[] {
  const states = (Object.keys(ACCOUNT_LABELS) as AccountState[]).filter(
    (state) => state === 'assigned' || account[state] > 0,
  );
  const head = states.map((state) => ACCOUNT_LABELS[state]);
  const cells = (counts: Readonly<Record<AccountState, number>>): string[] =>
    states.map((state) => formatCount(counts[state]));
  const ofGroups = groups.map((row) => [describeValue(row.group), ...cells(row)]);
  const hasOwn = groups.length > 0 && !breakdowns.some(({ column }) => column === 'group');
  return [
    ...(hasOwn ? [{ column: 'group', rows: [['group', ...head], ...ofGroups] }] : []),
    ...breakdowns.map(({ column, values, others }) => {
      const of = (name: string, row: Breakdown['values'][number] | NonNullable<Breakdown['others']>): string[] => [
        name,
        formatCount(row.rows),
        ...cells(row),
        describeHubs(row.hubs),
      ];
      const rows = [
        [formatUntrusted(column), 'rows', ...head, 'hubs'],
        ...values.map((row) => of(describeValue(row.value), row)),
        ...(others === null ? [] : [of(describeOthers(others), others)]),
      ];
      return { column, rows };
    }),
  ];
}

type Breakdown = Summary['breakdowns'][number];

/** Hubs that a row of a table names. */
const HUBS_NAMED_MAX = 3;

function describeValue(value: string | null): string {
  if (value === null) return '(not known)';
  return value === '' ? '(none)' : formatUntrusted(value);
}

function describeOthers({ values }: NonNullable<Breakdown['others']>): string {
  return `other values (${values === null ? 'too many to count' : formatCount(values)})`;
}

/** `hub-a.azure-devices.net 12, hub-b.azure-devices.net 3` */
function describeHubs(hubs: Breakdown['values'][number]['hubs']): string {
  const named = hubs.slice(0, HUBS_NAMED_MAX).map(({ hub, count }) => `${formatUntrusted(hub)} ${formatCount(count)}`);
  const left = hubs.length - named.length;
  return [...named, ...(left > 0 ? [formatNoun(left, 'more hub')] : [])].join(', ') || ABSENT;
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
