/** How a row can end. Each row ends once, in one of these; until then it is not done. */
export const ROW_STATES = [
  'created',
  'updated',
  'exists-same',
  'exists-different',
  'disabled',
  'already-disabled',
  'deleted',
  'missing',
  'failed',
] as const;

export type RowState = (typeof ROW_STATES)[number];

/** After these, the service is not as the row asks. */
const UNWANTED: ReadonlySet<RowState> = new Set(['exists-different', 'failed']);

export type RowFailure = {
  /** HTTP status; `null` = no answer. */
  readonly status: number | null;
  /** `null` = not given. */
  readonly code: number | null;
  readonly message: string;
  /** An imperative sentence without a full stop. */
  readonly remedy: string;
};

export type RowResult = {
  /** Place in the list, 0-based. */
  readonly row: number;
  /** Registration ID, or that of an enrollment group. */
  readonly id: string;
  readonly state: RowState;
  /** As last read; `null` = the service did not tell, as in the answer to a bulk operation. */
  readonly etag: string | null;
  /** What differs, without secrets; empty = nothing. */
  readonly differences: readonly string[];
  readonly failure: RowFailure | null;
  /** Another try may succeed, so that a resumed command makes one. */
  readonly isPassing: boolean;
};

export type StateCounts = Readonly<Record<RowState, number>>;

export function countStates(results: Iterable<Pick<RowResult, 'state'>>): StateCounts {
  const counts = Object.fromEntries(ROW_STATES.map((state) => [state, 0])) as Record<RowState, number>;
  for (const { state } of results) counts[state] += 1;
  return counts;
}

export function isUnwanted(state: RowState): boolean {
  return UNWANTED.has(state);
}
