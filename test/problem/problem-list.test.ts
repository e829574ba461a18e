import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  OperatorError,
  PROBLEMS_LISTED_MAX,
  ProblemList,
  problem,
  problemIn,
} from '../../src/problem/operator-error.ts';

function thrownBy(list: ProblemList): OperatorError {
  try {
    list.throwIfAny('usage');
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function shared(lines: readonly number[], message = 'is wrong'): string {
  const list = new ProblemList();
  for (const line of lines) list.add(problemIn('f.csv', message, 'Correct it', line));
  return thrownBy(list).message;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 2);

describe('problems that lines share', () => {
  it.each([
    [[4], 'f.csv:4: is wrong. Correct it.'],
    [[4, 9], 'f.csv: lines 4 and 9: is wrong. Correct it.'],
    [[4, 9, 12], 'f.csv: lines 4, 9 and 12: is wrong. Correct it.'],
    [upTo(10), 'f.csv: lines 2, 3, 4, 5, 6, 7, 8, 9, 10 and 11: is wrong. Correct it.'],
    [upTo(11), 'f.csv: lines 2, 3, 4 and 8 more: is wrong. Correct it.'],
    [[4, 9, 12, ...upTo(47)], 'f.csv: lines 4, 9, 12 and 47 more: is wrong. Correct it.'],
    [upTo(200_003), 'f.csv: lines 2, 3, 4 and 200,000 more: is wrong. Correct it.'],
  ])('are one: %#', (lines, text) => {
    expect(shared(lines)).toBe(text);
  });

  it('are kept apart by file, message, remedy and column, and without a line', () => {
    const list = new ProblemList();
    const one = problemIn('f.csv', 'is wrong', 'Correct it', 4);
    list.add(
      one,
      { ...one, file: 'g.csv' },
      { ...one, message: 'is bad' },
      { ...one, remedy: null },
      { ...one, column: 1 },
    );
    list.add(problem('is wrong', 'Correct it'), problem('is wrong', 'Correct it'));
    expect(thrownBy(list).problems).toHaveLength(7);
  });

  it('stay one when an error hands them on', () => {
    const first = new ProblemList();
    for (const line of [4, 9, 12]) first.add(problemIn('f.csv', 'is wrong', null, line));
    const second = new ProblemList();
    second.add(problemIn('f.csv', 'is wrong', null, 2), ...thrownBy(first).problems);
    expect(thrownBy(second).message).toBe('f.csv: lines 2, 4, 9 and 12: is wrong.');
  });

  it('are all counted, however many there are of each kind', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(80), { minLength: 1, maxLength: 400 }), (kinds) => {
        const list = new ProblemList();
        kinds.forEach((kind, index) => {
          list.add(problemIn('f.csv', `is wrong ${kind}`, null, index + 2));
        });
        const { problems } = thrownBy(list);
        const listed = problems.filter(({ file }) => file !== null);
        const counted = listed.reduce((sum, { otherLines }) => sum + 1 + (otherLines?.count ?? 0), 0);
        const unlisted = Number(/^and (\d+) more$/.exec(problems.at(-1)?.message ?? '')?.[1] ?? 0);
        expect(counted + unlisted).toBe(kinds.length);
        expect(listed).toHaveLength(Math.min(PROBLEMS_LISTED_MAX, new Set(kinds).size));
      }),
    );
  });
});
