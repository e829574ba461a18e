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
