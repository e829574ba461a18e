/** Returns whether one insertion, deletion, replacement or swap of neighbors turns `a` into `b`; false for equal words. */
export function isOneEditAway(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  const restA = a.slice(start);
  const restB = b.slice(start);
  if (restA.length > restB.length) return restA.slice(1) === restB;
  if (restA.length < restB.length) return restA === restB.slice(1);
  const isSwap = restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
  return isSwap || restA.slice(1) === restB.slice(1);
}

/** Returns the known word that was probably meant: equal except for case and separators, or one edit away. */
export function similarWord(word: string, known: readonly string[]): string | null {
  const bare = bareWord(word);
  return known.find((candidate) => bareWord(candidate) === bare || isOneEditAway(bareWord(candidate), bare)) ?? null;
}

/** Lower case, without spaces, dashes, underscores and dots. */
export function bareWord(word: string): string {
  return word.toLowerCase().replace(/[\s_.-]/g, '');
}
