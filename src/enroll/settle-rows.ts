import type { EndedRow } from './entry-outcome.ts';

export type RowWork<Some> = {
  /** Read no faster than it is worked off. */
  readonly batches: AsyncIterator<readonly Some[]>;
  readonly settle: (batch: readonly Some[]) => Promise<readonly EndedRow[]>;
  /** Resolves when what ended is on disk. */
  readonly record: (rows: readonly EndedRow[]) => Promise<void>;
  readonly isStopped: () => boolean;
};

/**
 * Works off batches, several at once. The first goes alone: if the service refuses the credentials, nothing was written.
 *
 * @throws the first error, after the batches in progress have ended
 */
export async function settleRows<Some>(work: RowWork<Some>, concurrency: number): Promise<void> {
  const { batches, settle, record, isStopped } = work;
  let isOver = false;
  const settleNext = async (): Promise<void> => {
    if (isOver || isStopped()) return;
    const next = await batches.next();
    if (next.done) isOver = true;
    else await record(await settle(next.value));
  };
  const settleAll = async (): Promise<void> => {
    try {
      while (!isOver && !isStopped()) await settleNext();
    } finally {
      // After an error, nobody begins anything more.
      isOver = true;
    }
  };
  await settleNext();
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, settleAll));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
