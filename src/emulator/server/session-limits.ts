import { MESSAGE_BYTES_MAX } from '../../dps/endpoint.ts';

/** What one connection may cost. */
export type SessionLimits = {
  /** From the accepted connection to its CONNECT packet, TLS included. */
  readonly connectTimeoutMs: number;
  /** From the first byte of a packet to its last. */
  readonly packetTimeoutMs: number;
  /** From the end of a connection until it is cut off, sent or not. */
  readonly closeTimeoutMs: number;
  /** One packet, its header included. */
  readonly packetBytesMax: number;
  /** Answers that the device does not read. */
  readonly unreadBytesMax: number;
};

export const SESSION_LIMITS_DEFAULT: SessionLimits = Object.freeze({
  // Ten times what a slow device needs for TLS.
  connectTimeoutMs: 30_000,
  packetTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
  // The documented largest message, and room for topic and header.
  packetBytesMax: MESSAGE_BYTES_MAX + 4 * 1024,
  // Several hundred answers.
  unreadBytesMax: 256 * 1024,
});
