import fc from 'fast-check';

const EDGE = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-';

/** Legal registration IDs, put together from the rule's words and not from the program's expression. */
export const registrationIds: fc.Arbitrary<string> = fc
  .tuple(fc.string({ unit: fc.constantFrom(...EDGE, '.', '_', ':'), maxLength: 127 }), fc.constantFrom(...EDGE))
  .map(([start, end]) => start + end);

export const idScopes: fc.Arbitrary<string> = fc.stringMatching(/^[0-9A-F]{8}$/).map((digits) => `0ne${digits}`);

/** base64 keys of 16 to 64 bytes. */
export const symmetricKeys: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 16, maxLength: 64 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

export const requestIds: fc.Arbitrary<string> = fc.oneof(fc.uuid(), fc.stringMatching(/^[0-9a-z-]{1,40}$/));

/** Half characters of UTF-16, which are no characters of their own: U+D800 to U+DFFF. */
const HALVES = { first: 0xd800, count: 0x800 } as const;

const characters = fc.integer({ min: 0, max: 0x10ffff - HALVES.count }).map(
  (number) => String.fromCodePoint(number < HALVES.first ? number : number + HALVES.count),
  (text) => {
    const code = typeof text === 'string' && [...text].length === 1 ? (text.codePointAt(0) ?? 0) : HALVES.first;
    if (code >= HALVES.first && code < HALVES.first + HALVES.count) throw new Error('is not a character');
    return code < HALVES.first ? code : code - HALVES.count;
  },
);

/** Of any characters, as those of fast-check's unit `binary`, which makes a table of all million of them first. */
export const anyText: fc.Arbitrary<string> = fc.string({ unit: characters });
