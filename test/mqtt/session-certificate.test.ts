import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certificateInSession } from '../../src/mqtt/session-certificate.ts';

/** A DER element. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.from([tag, body.length, ...body]);
  if (body.length < 0x100) return Buffer.from([tag, 0x81, body.length, ...body]);
  return Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff, ...body]);
}

const CERTIFICATE = 0xa3;
const TICKET = 0xaa;
const SEQUENCE = 0x30;

const before = fc.array(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => der(0x04, bytes)),
  { maxLength: 5 },
);
const certificates = fc.uint8Array({ minLength: 1, maxLength: 1_000 }).map((bytes) => der(SEQUENCE, bytes));

describe('the certificate in a session', () => {
  it('is found by its place, not by what it looks like', () => {
    fc.assert(
      fc.property(before, certificates, certificates, (members, own, planted) => {
        // The server chooses the ticket.
        const ticket = der(TICKET, der(CERTIFICATE, planted), planted);
        expect(certificateInSession(der(SEQUENCE, ...members, der(CERTIFICATE, own), ticket))).toEqual(own);
        expect(certificateInSession(der(SEQUENCE, ...members, ticket))).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  it('is null in a session that is cut, and in any other bytes', () => {
    const whole = der(SEQUENCE, der(0x04, Buffer.alloc(200)), der(CERTIFICATE, der(SEQUENCE, Buffer.alloc(300))));
    for (let length = 0; length < whole.length; length += 1)
      expect(certificateInSession(whole.subarray(0, length))).toBeNull();
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void certificateInSession(Buffer.from(bytes))));
  });
});
