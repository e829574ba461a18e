import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newTwin, patched, patchProblem, twinForDevice, twinView } from '../../../src/emulator/hub/twin.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const STAMP = '2026-01-01T00:00:00.0000000Z';
const LATER = '2026-01-01T00:00:01.0000000Z';

const patchOf = (patch: object) => patch as Readonly<Record<string, unknown>>;

describe('a twin', () => {
  it('begins with the desired properties and tags of the initial twin, at version 1', () => {
    const twin = newTwin({ tags: { site: 'a' }, properties: { desired: { fan: { rpm: 60 }, $version: 7 } } }, NOW_MS);
    expect(twinForDevice(twin)).toEqual({ desired: { fan: { rpm: 60 }, $version: 1 }, reported: { $version: 1 } });
    expect(twinView(twin)).toEqual({
      version: 1,
      tags: { site: 'a' },
      properties: {
        desired: {
          fan: { rpm: 60 },
          $metadata: { $lastUpdated: STAMP, fan: { $lastUpdated: STAMP, rpm: { $lastUpdated: STAMP } } },
          $version: 1,
        },
        reported: { $metadata: { $lastUpdated: STAMP }, $version: 1 },
      },
    });
  });

  it.each([
    [null],
    [{}],
    [{ properties: null }],
    [{ properties: { desired: 'no mapping' }, tags: [1] }],
  ])('is empty from %j', (initialTwin) => {
    expect(twinForDevice(newTwin(initialTwin, NOW_MS))).toEqual({
      desired: { $version: 1 },
      reported: { $version: 1 },
    });
  });

  it.each([
    ['adds', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['replaces', { a: 1 }, { a: { b: 2 } }, { a: { b: 2 } }],
    ['merges', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    ['deletes', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['deletes within', { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
    ['stores no null', {}, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    ['replaces lists as a whole', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ])('%s by a patch', (_, before, patch, after) => {
    const section = patched(newTwin({ properties: { desired: before } }, NOW_MS).desired, patchOf(patch), NOW_MS);
    expect(section).toMatchObject({ values: after, version: 2 });
    expect(section.values).toEqual(after);
  });

  it('says when each value was changed', () => {
    const { desired } = newTwin({ properties: { desired: { a: 1, b: { c: 2, d: 3 } } } }, NOW_MS);
    const twin = { ...newTwin(null, NOW_MS), desired: patched(desired, { b: { c: 4 } }, NOW_MS + 1_000) };
    expect(twinView(twin).properties.desired['$metadata']).toEqual({
      $lastUpdated: LATER,
      a: { $lastUpdated: STAMP },
      b: { $lastUpdated: LATER, c: { $lastUpdated: LATER }, d: { $lastUpdated: STAMP } },
    });
  });

  it('has metadata for exactly the values that it has, after any patches', () => {
    const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, fc.constant(null), fc.integer(), fc.array(fc.integer()), tie('object')),
      object: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), tie('any')),
    })).object;
    const names = (values: unknown): unknown =>
      typeof values !== 'object' || values === null || Array.isArray(values)
        ? {}
        : Object.fromEntries(
            Object.entries(values)
              .filter(([name]) => !name.startsWith('$'))
              .map(([name, member]) => [name, names(member)]),
          );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (patches) => {
        const section = patches.reduce<ReturnType<typeof patched>>(
          (known, patch) => patched(known, patchOf(patch as object), NOW_MS),
          newTwin(null, NOW_MS).reported,
        );
        const { reported } = twinView({ ...newTwin(null, NOW_MS), reported: section }).properties;
        expect(names(reported['$metadata'])).toEqual(names(section.values));
        expect(section.version).toBe(1 + patches.length);
        expect(JSON.stringify(section.values)).not.toMatch(/:null/);
        expect(Object.prototype).not.toHaveProperty('a');
      }),
      { numRuns: 60 },
    );
  });

  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  it.each([
    ['a list', [], /not a JSON object/],
    ['nothing', null, /not a JSON object/],
    ['a name with a dollar sign', { a: { $b: 1 } }, /a name with/],
    ['a name with a full stop', { 'a.b': 1 }, /a name with/],
    ['a name in a list', { a: [{ 'b.c': 1 }] }, /a name with/],
    ['a name with a blank', { 'a b': 1 }, /a name with/],
    ['a long name', { ['a'.repeat(1_025)]: 1 }, /a name of more than 1024/],
    ['a long text', { a: 'é'.repeat(2_049) }, /text of more than 4096/],
    ['a large number', { a: 2 ** 53 }, /number/],
    ['too many levels', deep(10), /nested more than 10/],
    ['too much', Object.fromEntries([...'abcdefghi'].map((name) => [name, 'x'.repeat(4_000)])), /larger than 32768/],
  ])('refuses a patch with %s', (_, patch, problem) => {
    expect(patchProblem('reported', newTwin(null, NOW_MS).reported, patch)).toMatch(problem);
  });

  it('accepts what is just allowed', () => {
    const patch = { a: null, b: 'é'.repeat(2_048), c: [{ d: 2 ** 52 }], ...deep(9) };
    expect(patchProblem('reported', newTwin(null, NOW_MS).reported, patch)).toBeNull();
  });
});
