import { CleanupFile, type Removed } from '../run-folder/cleanup-file.ts';
import { eachInTurn } from '../service-api/each-in-turn.ts';
import type { Clock } from '../time/clock.ts';
import { noRemovals, type RemovalCounts } from './removal-plan.ts';

export type RemovalSession = { readonly clock: Clock; readonly isStopped: () => boolean };

/** Removes entries of the service, each recorded in cleanup.csv as soon as it has ended. @returns how each ended; a stop leaves some out */
export async function removeEach<Entry>(
  folder: string,
  entries: Iterable<Entry> | AsyncIterable<Entry>,
  remove: (entry: Entry) => Promise<Removed>,
  { clock, isStopped }: RemovalSession,
): Promise<RemovalCounts> {
  const counts = noRemovals();
  const file = await CleanupFile.open(folder);
  const removeOne = async (entry: Entry): Promise<void> => {
    const removed = await remove(entry);
    counts[removed.state] += 1;
    await file.add(removed, clock.epochMs());
  };
  try {
    await eachInTurn(entries, removeOne, isStopped);
  } finally {
    await file.close();
  }
  return counts;
}
