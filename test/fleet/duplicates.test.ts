import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplicateProblems } from '../../src/fleet/duplicates.ts';
import { type Fingerprint, FingerprintTable, textFingerprint } from '../../src/fleet/fingerprint-table.ts';
import { surveyFleet } from '../../src/fleet/survey-fleet.ts';
import { OperatorError, type Problem } from '../../src/problem/operator-error.ts';
import { registrationIds } from '../support/arbitraries.ts';
import { writeFleetFile } from '../support/fleet-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();

/** Fingerprints of `values` kinds only, also the one of an empty slot. */
const coarse =
  (values: number): Fingerprint =>
  (text, into) => {
    textFingerprint(text, into);
    into[0] = (into[0] ?? 0) % values;
    into[1] = 0;
  };

/** Naive reference: the lines that repeat an ID, with the line that they repeat. */
function repeatedLines(ids: readonly string[]): readonly (readonly [number, number])[] {
  const folded = ids.map((id) => id.toLowerCase());
  return folded.flatMap((id, index) => {
    const first = folded.indexOf(id);
    return first === index ? [] : [[index + 2, first + 2] as const];
  });
}

/** The line of a problem, and the line that it says is repeated. */
function linesOf({ line, message }: Problem): readonly [number | null, number] {
  return [line, Number(/line (\d+)/.exec(message)?.[1])];
}

const SOME_IDS = fc.array(fc.oneof(registrationIds, fc.constantFrom('a', 'A', 'b', 'dev-1', 'DEV-1')), {
  minLength: 1,
  maxLength: 45,
});

describe('duplicates', () => {
  it.each([1, 2, 7, 2 ** 32])('are found exactly with %d fingerprints', async (values) => {
    await fc.assert(
      fc.asyncProperty(SOME_IDS, async (ids) => {
        const fleet = writeFleetFile(folder, `registration_id\n${ids.join('\n')}\n`);
        const error = await surveyFleet(fleet, { keys: 'for-every-row' }, {}, coarse(values)).then(
          () => null,
          (caught: unknown) => caught,
        );
        const problems = error instanceof OperatorError ? error.problems.slice(0, -1) : [];
        const first = [...new Set(repeatedLines(ids).map(([, line]) => line))];
        const expected = first.map((line) => {
          const lines = repeatedLines(ids).flatMap(([repeated, of]) => (of === line ? [repeated] : []));
          return { line, named: lines.slice(0, 10), count: lines.length };
        });
        const found = problems.map((each) => ({
          line: linesOf(each)[1],
          named: [each.line, ...(each.otherLines?.first ?? [])],
          count: 1 + (each.otherLines?.count ?? 0),
        }));
        expect(found).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it.each([1, 2, 5])('are found exactly when only %d IDs are held at once', async (heldMax) => {
    await fc.assert(
      fc.asyncProperty(SOME_IDS, async (ids) => {
        const fleet = writeFleetFile(folder, `registration_id\n${ids.join('\n')}\n`);
        const table = new FingerprintTable(coarse(3));
        for (const id of ids) table.add(id.toLowerCase());
        const problems = await duplicateProblems(fleet, table, 1_000, heldMax);
        const byLine = problems.toSorted((a, b) => Number(a.line) - Number(b.line));
        expect(byLine.map(linesOf)).toEqual(repeatedLines(ids));
      }),
      { numRuns: 25 },
    );
  });
});

describe('the table of fingerprints', () => {
  it('knows what was added, and what was added again', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 300 }), (texts) => {
        const table = new FingerprintTable(textFingerprint);
        const seen = new Set<string>();
        const again = new Set<string>();
        for (const text of texts) {
          expect(table.add(text)).toBe(seen.has(text));
          if (seen.has(text)) again.add(text);
          seen.add(text);
        }
        for (const text of seen) expect(table.isRepeated(text)).toBe(again.has(text));
      }),
    );
  });

  it('keeps what it knows when it grows', () => {
    const table = new FingerprintTable(textFingerprint);
    for (let index = 0; index < 5_000; index += 1) {
      table.add(`device-${index}`);
      if (index % 3 === 0) table.add(`device-${index}`);
    }
    for (let index = 0; index < 5_000; index += 1) expect(table.isRepeated(`device-${index}`)).toBe(index % 3 === 0);
  });

  it('takes at most 32 bytes a row at any moment, growth included', () => {
    const table = new FingerprintTable(textFingerprint);
    for (let rows = 1; rows <= 100_000; rows += 1) {
      table.add(`device-${rows}`);
      if (rows >= 60 && table.bytesPeak > 32 * rows) expect.fail(`${table.bytesPeak} bytes for ${rows} rows`);
    }
    expect(table.bytesPeak).toBeGreaterThan(8 * 100_000);
  });

  it('gives no two of 100,000 like IDs the same fingerprint, and none of a lane more often than chance', () => {
    const into = new Uint32Array(2);
    const whole = new Set<string>();
    const lanes = [new Set<number>(), new Set<number>()] as const;
    for (let index = 0; index < 100_000; index += 1) {
      textFingerprint(`device-${String(index).padStart(7, '0')}`, into);
      whole.add(`${into[0]},${into[1]}`);
      lanes[0].add(into[0] ?? 0);
      lanes[1].add(into[1] ?? 0);
    }
    expect(whole.size).toBe(100_000);
    // Chance makes n²/2^33 ≈ 1 collision in 32 bits.
    for (const lane of lanes) expect(lane.size).toBeGreaterThan(100_000 - 15);
  });
});
