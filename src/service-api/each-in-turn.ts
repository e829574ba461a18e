/** Requests in progress. One, even with ten entries, takes about a second at most: so many keep to the quota of 1,000 operations a minute. */
export const REQUESTS_AT_ONCE = 16;

/**
 * Works on items, several at a time, which it reads no faster than they are worked off. The first goes alone: if the service refuses the
 * credentials, it is asked only once, and nothing was written.
 *
 * @throws the first error, after what is in progress has ended
 */
export async function eachInTurn<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<void>,
  isStopped: () => boolean,
): Promise<void> {
  const left = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let isOver = false;
  const takeOne = async (): Promise<void> => {
    try {
      const next = isStopped() ? null : await left.next();
      if (next === null || next.done) isOver = true;
      else await work(next.value);
    } catch (error) {
      // Nobody begins anything more.
      isOver = true;
      throw error;
    }
  };
  const takeAll = async (): Promise<void> => {
    while (!isOver) await takeOne();
  };
  try {
    await takeOne();
    const ends = await Promise.allSettled(Array.from({ length: REQUESTS_AT_ONCE }, takeAll));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  } finally {
    // After a stop, it may still hold a file open.
    await left.return?.();
  }
}
