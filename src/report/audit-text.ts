import { auditDifferences } from './audit-schema.ts';
import { formatCount, formatNoun, formatUntrusted } from './format.ts';
import type { Summary } from './summary.ts';

/** The verdict of an audit in one line. */
export function auditVerdict(audit: NonNullable<Summary['audit']>): string {
  const { rows, extra, extraAllowed, host, endedAt } = audit;
  const compared = rows.agrees + rows.differs + rows.missing;
  const found = [
    [rows.differs, 'different'],
    [rows.missing, 'without a record'],
  ] as const;
  const parts = found.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  const extras =
    extra === null || extra === 0 ? [] : [`${formatNoun(extra, 'extra record')}${extraAllowed ? ' (allowed)' : ''}`];
  const of = auditDifferences(audit) === 0 ? 'the records agree' : `${formatCount(rows.agrees)} agree`;
  const all = compared === 0 ? 'no row to compare' : `${of}: ${formatNoun(compared, 'row')} compared`;
  const sentence = [all, ...parts, ...extras].join(', ');
  return `${sentence} (${formatUntrusted(host)}, ${endedAt.slice(0, 19)}Z)`;
}

/** What else an audit found, a line each. */
export function auditLines(audit: NonNullable<Summary['audit']>): readonly string[] {
  const { rows, resolvedAs, possiblyTwice, registeredAgain, extra, first } = audit;
  const { once, twice, cannotTell } = possiblyTwice;
  const open = rows.resolved + rows.unresolved;
  const unclear = once + twice + cannotTell;
  const unnamed = rows.differs + rows.missing + (extra ?? 0) - first.length;
  return [
    ...(rows.removed === 0 ? [] : [`${formatNoun(rows.removed, 'record')} deleted by dpsload cleanup`]),
    ...(open === 0
      ? []
      : [
          `${formatNoun(open, 'row')} without a known end: ${formatCount(resolvedAs.registered)} registered, ` +
            `${formatCount(resolvedAs.notRegistered)} not registered, ${formatCount(rows.unresolved)} the record does not tell`,
        ]),
    ...(unclear === 0
      ? []
      : [
          `${formatCount(unclear)} possibly registered twice: ${formatCount(once)} once, ${formatCount(twice)} more than once, ` +
            `${formatCount(cannotTell)} the record does not tell`,
        ]),
    ...(registeredAgain === 0 ? [] : [`${formatNoun(registeredAgain, 'device')} registered again after the run`]),
    ...(extra === null ? ['extra records: not known, because no enrollment group was read to its end'] : []),
    ...first.map(
      ({ registrationId, finding }) => `${formatUntrusted(registrationId)}: ${formatUntrusted(finding, 200)}`,
    ),
    ...(unnamed > 0 ? [`… and ${formatCount(unnamed)} more in audit.csv`] : []),
  ];
}
