/** From worst to best; thresholds store a verdict as an index. */
export const ALLOCATION_VERDICTS = ['fail', 'inconclusive', 'pass'] as const;

export type AllocationVerdict = (typeof ALLOCATION_VERDICTS)[number];

/** The worst of several verdicts; `inconclusive` without any. */
export function worstVerdict(verdicts: readonly AllocationVerdict[]): AllocationVerdict {
  if (verdicts.length === 0) return 'inconclusive';
  return ALLOCATION_VERDICTS.find((verdict) => verdicts.includes(verdict)) ?? 'pass';
}
