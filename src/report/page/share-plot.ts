import type { AllocationVerdict } from '../../allocation/allocation-verdict.ts';
import type { Interval } from '../../allocation/share-interval.ts';
import { cohortTitle, describeInterval, describeReason } from '../allocation-text.ts';
import { ABSENT, formatFineShare, formatNoun, formatPoints } from '../format.ts';
import type { Summary } from '../summary.ts';
import { type Html, html, NO_HTML } from './html.ts';
import { POLICY_VERDICTS, untrusted } from './overview.ts';

type Allocation = NonNullable<Summary['allocation']>;

/** Shares drawn; the tables have all. */
const SHARES_DRAWN_MAX = 60;

/** The axis ends at least this many tolerances from the expected share, so that the ends of the tolerance can be seen. */
const TOLERANCES_SHOWN_MIN = 1.5;

/** Below this part of half the axis, labels at the ends of the tolerance would touch the one in the middle. */
const LABELLED_PART_MIN = 0.25;

/** From here on, they would touch those at the ends of the axis. */
const LABELLED_PART_MAX = 0.6;

/** A share with its verdict, as a row of the plot. */
type JudgedShare = {
  readonly name: string;
  /** `null` = not observed. */
  readonly share: number | null;
  readonly expectedShare: number;
  readonly interval: Interval;
  readonly verdict: AllocationVerdict;
  readonly reason: Parameters<typeof describeReason>[0];
};

type ShareGroup = { readonly title: string; readonly shares: readonly JudgedShare[] };

/**
 * Each share with its interval as a difference from the expected share, so that the same tolerance bounds all. An SVG for each row, with
 * its figures as text: it needs no script, and no other table than those of the verdict.
 */
export function sharePlot({ allocation }: Summary): Html {
  if (allocation === null) return NO_HTML;
  const groups = groupsOf(allocation);
  const shares = groups.flatMap((group) => group.shares);
  if (shares.length === 0) return NO_HTML;
  const reach = reachOf(shares, allocation.tolerance);
  const left = shares.length - SHARES_DRAWN_MAX;
  let room = SHARES_DRAWN_MAX;
  const drawn = groups.flatMap(({ title, shares: all }) => {
    const shown = all.slice(0, Math.max(0, room));
    room -= shown.length;
    return shown.length === 0 ? [] : [groupOf({ title, shares: shown }, allocation.tolerance, reach)];
  });
  return html`<figure class="shares" aria-labelledby="shares-title">
<figcaption><h3 id="shares-title">Shares against expectation and tolerance</h3><p>${findingOf(allocation)}</p></figcaption>
<p class="legend"><span class="entry"><span class="key dot"></span>share</span> <span class="entry"><span class="key key-interval"></span>confidence interval</span> <span class="entry"><span class="key bar key-tolerance"></span>tolerance around the expected share</span></p>
${drawn}${axisOf(allocation.tolerance, reach)}${left > 0 ? html`<p>${formatNoun(left, 'more share')} in the tables below.</p>` : NO_HTML}
</figure>
`;
}

function groupsOf({ by, cohorts, movement }: Allocation): readonly ShareGroup[] {
  const ofCohorts = cohorts.map((cohort) => ({
    title: cohortTitle(cohort, by),
    shares: cohort.hubs.map((judged) => ({ ...judged, name: untrusted(judged.hub) })),
  }));
  if (movement === null) return ofCohorts;
  const title = `previously assigned: ${formatNoun(movement.known, 'device')}`;
  return [...ofCohorts, { title, shares: [{ ...movement, name: 'moved to another hub' }] }];
}

function findingOf({ tolerance, asRun }: Allocation): string {
  const sample =
    asRun === null
      ? ''
      : ' The expected shares come from counts themselves, so the verdict allows for chance in them too.';
  return `Difference from the expected share, in percentage points. An interval that lies within ±${formatPoints(tolerance)} passes; one that lies outside fails.${sample}`;
}

/** Half the length of the axis, in parts of 1. */
function reachOf(shares: readonly JudgedShare[], tolerance: number): number {
  const ends = shares
    .filter(({ share }) => share !== null)
    .flatMap(({ interval: { lower, upper }, expectedShare }) => [expectedShare - lower, upper - expectedShare]);
  return 1.05 * Math.max(TOLERANCES_SHOWN_MIN * tolerance, ...ends);
}

function groupOf({ title, shares }: ShareGroup, tolerance: number, reach: number): Html {
  return html`<p class="cohort">${title}</p>
<ul>${shares.map((share) => rowOf(share, tolerance, reach))}</ul>
`;
}

function rowOf(judged: JudgedShare, tolerance: number, reach: number): Html {
  const { name, share, expectedShare, interval, verdict, reason } = judged;
  const { label, mood } = POLICY_VERDICTS[verdict];
  const at = (part: number): string => placeOf(part - expectedShare, reach);
  const [lower, upper] = [at(interval.lower), at(interval.upper)];
  // Without a device, every share is possible.
  const seen =
    share === null
      ? NO_HTML
      : html`<line x1="${lower}" x2="${lower}" y1="5" y2="17"/><line x1="${upper}" x2="${upper}" y1="5" y2="17"/><line x1="${lower}" x2="${upper}" y1="11" y2="11"/><circle cx="${at(share)}" cy="11" r="4.5"/>`;
  return html`<li><span class="name">${name}</span> <span class="amount"><strong>${share === null ? ABSENT : formatFineShare(share)}</strong> (${describeInterval(interval)}), expected ${formatFineShare(expectedShare)}</span> <span class="word ${mood}">${label}</span> <span class="why">${describeReason(reason)}</span>
<svg class="interval ${mood}" aria-hidden="true"><rect class="track" width="100%" height="22"/><rect class="tolerance" x="${placeOf(-tolerance, reach)}" width="${((100 * tolerance) / reach).toFixed(2)}%" height="22"/><line class="wanted" x1="50%" x2="50%" y1="0" y2="22"/>${seen}</svg></li>
`;
}

/** Where a difference lies on the axis. */
function placeOf(difference: number, reach: number): string {
  return `${(50 + (50 * difference) / reach).toFixed(2)}%`;
}

/** Labels that leave each other room at 320 px. */
function axisOf(tolerance: number, reach: number): Html {
  const part = tolerance / reach;
  const label = (difference: number, anchor: string): Html =>
    html`<text x="${placeOf(difference, reach)}" y="13" text-anchor="${anchor}">${signed(difference)}</text>`;
  const bounds = part >= LABELLED_PART_MIN ? [label(-tolerance, 'middle'), label(tolerance, 'middle')] : [];
  const ends = part <= LABELLED_PART_MAX ? [label(-reach, 'start'), label(reach, 'end')] : [];
  return html`<svg class="axis" aria-hidden="true">${[...bounds, ...ends]}<text x="50%" y="13" text-anchor="middle">expected</text></svg>
`;
}

/** `−6`, `+12.4` points */
function signed(difference: number): string {
  const points = Math.abs(difference * 100);
  return `${difference < 0 ? '−' : '+'}${Number(points.toPrecision(points < 10 ? 2 : 3))}`;
}
