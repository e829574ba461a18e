import type { AllocationVerdict } from '../allocation/allocation-verdict.ts';
import type { CohortVerdict, HubVerdict, MovementVerdict } from '../allocation/judge-allocation.ts';
import {
  cohortTitle,
  crossTable,
  describeChance,
  describeDrift,
  describeExpectation,
  describeInterval,
  describeReason,
  describeUnjudged,
  formatPoints,
} from './describe-allocation.ts';
import { ABSENT, formatCount, formatNoun, formatUntrusted } from './format.ts';
import type { Palette } from './palette.ts';
import type { Summary } from './summary.ts';
import { textTable } from './text-table.ts';

const NAME_CHARACTERS_MAX = 100;

/** Cohorts that are listed; `summary.json` has them all. */
const COHORTS_SHOWN_MAX = 20;

/** The verdict in one line; empty where nothing is expected. */
export function allocationVerdictLine({ allocation }: Summary, palette: Palette): readonly string[] {
  if (allocation === null) return [];
  return [`${colored(allocation.verdict, palette)}: ${describeExpectation(allocation)}`];
}

/** Shares with their verdicts, movement, drift. */
export function allocationSections(summary: Summary, palette: Palette): readonly (readonly string[])[] {
  const { allocation, hubMinutes } = summary;
  const drift = describeDrift(hubMinutes);
  const cohorts = allocation?.cohorts ?? [];
  const left = cohorts.length - COHORTS_SHOWN_MAX;
  const cross = allocation === null ? null : crossTable(allocation);
  return [
    cross === null ? [] : textTable(cross),
    ...cohorts.slice(0, COHORTS_SHOWN_MAX).map((cohort) => cohortLines(cohort, allocation?.by ?? 'fleet', palette)),
    left > 0 ? [`and ${formatNoun(left, 'more cohort')}, in summary.json`] : [],
    allocation === null ? [] : [...describeUnjudged(allocation), ...describeChance(allocation)],
    movementLines(summary, palette),
    drift === null ? [] : [drift],
  ];
}

function cohortLines(cohort: CohortVerdict, by: 'fleet' | 'group' | 'region' | 'row', palette: Palette): string[] {
  const head = ['', 'devices', 'share', 'interval', 'expected', 'verdict'];
  const [first = '', ...lines] = textTable([head, ...cohort.hubs.map((hub) => hubCells(hub, palette))]);
  return [palette.bold(cohortTitle(cohort, by)), palette.dim(first), ...lines];
}

function hubCells(judged: HubVerdict, palette: Palette): readonly string[] {
  const { hub, count, share, expectedShare, interval, verdict, reason } = judged;
  return [
    formatUntrusted(hub, NAME_CHARACTERS_MAX),
    formatCount(count),
    share === null ? ABSENT : formatPoints(share),
    describeInterval(interval),
    formatPoints(expectedShare),
    `${colored(verdict, palette)}, ${describeReason(reason)}`,
  ];
}

function movementLines({ movement, allocation }: Summary, palette: Palette): readonly string[] {
  if (movement === null) return [];
  const { changes, changedDeviceId, substatus } = movement;
  const rows = [
    ['kept their hub', formatCount(changes.kept)],
    ['moved to another hub', formatCount(changes.moved)],
    ['not assigned any more', formatCount(changes.lost)],
    ['got another device ID', formatCount(changedDeviceId)],
    ...Object.entries(substatus).map(([word, count]) => [
      word === '' ? 'without a substatus' : formatUntrusted(word, NAME_CHARACTERS_MAX),
      formatCount(count),
    ]),
  ];
  const judged = allocation?.movement ?? null;
  return [
    palette.bold('devices that had a hub before'),
    ...textTable(rows, 'left'),
    ...(judged === null ? [] : [movementVerdictLine(judged, palette)]),
  ];
}

function movementVerdictLine({ share, interval, expectedShare, verdict, reason }: MovementVerdict, palette: Palette) {
  const moved = share === null ? 'nobody is known to have been registered before' : `${formatPoints(share)} moved`;
  const among = `(${describeInterval(interval)}), ${formatPoints(expectedShare)} expected`;
  return `${colored(verdict, palette)}: ${moved} ${among}; ${describeReason(reason)}`;
}

function colored(verdict: AllocationVerdict, palette: Palette): string {
  switch (verdict) {
    case 'pass':
      return palette.good(verdict);
    case 'fail':
      return palette.bad(verdict);
    case 'inconclusive':
      return palette.warning(verdict);
  }
}
