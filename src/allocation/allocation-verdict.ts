/** In the order of a threshold's comparison: what is not known is better than a failure. */
export const ALLOCATION_VERDICTS = ['fail', 'inconclusive', 'pass'] as const;

export type AllocationVerdict = (typeof ALLOCATION_VERDICTS)[number];

/** The worst of several; of none it is not known. */
export function worstVerdict(verdicts: readonly AllocationVerdict[]): AllocationVerdict {
  if (verdicts.length === 0) return 'inconclusive';
  return ALLOCATION_VERDICTS.find((verdict) => verdicts.includes(verdict)) ?? 'pass';
}
