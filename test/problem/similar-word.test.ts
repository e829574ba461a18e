import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOneEditAway, similarWord } from '../../src/problem/similar-word.ts';

/** Naive reference: every word that one edit makes of `word`, over the letters of both. */
function edits(word: string, letters: readonly string[]): ReadonlySet<string> {
  const made = new Set<string>();
  for (let at = 0; at <= word.length; at += 1) {
    const [before, after] = [word.slice(0, at), word.slice(at)];
    made.add(before + after.slice(1));
    made.add(before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2));
    for (const letter of letters) {
      made.add(before + letter + after);
      made.add(before + letter + after.slice(1));
    }
  }
  made.delete(word);
  return made;
}

describe('one edit', () => {
  it('is an insertion, a deletion, a replacement or a swap of neighbors', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(isOneEditAway(a, b)).toBe(edits(a, ['a', 'b', 'c']).has(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['concurency', 'concurrency'],
    ['Id-Scope', 'idScope'],
    ['id_scope', 'idScope'],
    ['wrokers', 'workers'],
    ['nothing', null],
  ])('from %s lies %s', (word, meant) => {
    expect(similarWord(word, ['concurrency', 'workers', 'idScope'])).toBe(meant);
  });
});
