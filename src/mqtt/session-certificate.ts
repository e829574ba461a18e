/*
 * An OpenSSL session in DER (ssl/ssl_asn1.c), as `TLSSocket.getSession` gives it:
 *
 * SEQUENCE { INTEGER version, INTEGER protocol, OCTET STRING cipher, OCTET STRING sessionId, OCTET STRING masterKey,
 *            [1] time, [2] timeout, [3] the server's certificate, [4] … }
 *
 * It holds the keys of the connection: never keep or show it.
 */

const SEQUENCE = 0x30;
/** Context-specific, constructed, number 3. */
const SERVER_CERTIFICATE = 0xa3;

/** Where the contents of a DER element are. */
type Element = { readonly tag: number; readonly from: number; readonly to: number };

/**
 * The certificate of the server in a session, in DER, as a part of `session`; `null` if it is not there, or not in the form above. The place
 * is found by structure, never by search: the server chooses other parts of a session, such as the ticket.
 */
export function certificateInSession(session: Buffer): Buffer | null {
  const whole = elementAt(session, 0, session.length);
  if (whole?.tag !== SEQUENCE) return null;
  for (let at = whole.from; at < whole.to; ) {
    const member = elementAt(session, at, whole.to);
    if (member === null) return null;
    if (member.tag === SERVER_CERTIFICATE) return session.subarray(member.from, member.to);
    at = member.to;
  }
  return null;
}

/** The element at a place, if it ends before `end`. Lengths have at most two bytes here, and tags one. */
function elementAt(bytes: Buffer, at: number, end: number): Element | null {
  const tag = bytes[at];
  const length = bytes[at + 1];
  if (tag === undefined || length === undefined) return null;
  const lengthBytes = length < 0x80 ? 0 : length - 0x80;
  const from = at + 2 + lengthBytes;
  if (lengthBytes > 2 || from > end) return null;
  const to = from + (lengthBytes === 0 ? length : bytes.readUIntBE(at + 2, lengthBytes));
  return to > end ? null : { tag, from, to };
}
