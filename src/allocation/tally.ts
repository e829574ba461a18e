/** Adds `count` to the entry of `key`. */
export function tally(counts: Map<string, number>, key: string, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
