import type { RemovalState } from '../run-folder/cleanup-file.ts';

/** Names that a question shows. */
const EXAMPLES_MAX = 3;

/** What a clean-up would do, in figures and examples. */
export class RemovalPlan {
  readonly counts = { delete: 0, gone: 0, kept: 0 };
  /** The first to be deleted. */
  readonly examples: string[] = [];
  /** The first that are kept, with the reason. */
  readonly keptExamples: string[] = [];

  add(
    id: string,
    { state, detail = '' }: { readonly state: 'delete' | 'gone' | 'kept'; readonly detail?: string },
  ): void {
    this.counts[state] += 1;
    if (state === 'delete' && this.examples.length < EXAMPLES_MAX) this.examples.push(id);
    if (state === 'kept' && this.keptExamples.length < EXAMPLES_MAX) this.keptExamples.push(`${id} (${detail})`);
  }
}

export type RemovalCounts = Record<RemovalState, number>;

export function noRemovals(): RemovalCounts {
  return { deleted: 0, gone: 0, kept: 0, failed: 0 };
}
