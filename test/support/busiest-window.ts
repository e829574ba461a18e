/** The largest number of moments in any window of that length, its end not included; the moments in whole microseconds. */
export function busiestWindow(momentsMs: readonly number[], windowMs: number): number {
  const moments = Float64Array.from(momentsMs, (moment) => Math.round(moment * 1_000)).sort();
  let from = 0;
  let most = 0;
  for (let index = 0; index < moments.length; index += 1) {
    while ((moments[from] ?? 0) <= (moments[index] ?? 0) - windowMs * 1_000) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
