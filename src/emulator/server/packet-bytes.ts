/** The packets of MQTT 3.1.1 that the service sends, as bytes. Numbers in brackets are sections of the specification. */

export const PINGRESP = Buffer.from([0xd0, 0x00]);

/** [3.2] @param isSessionPresent the device has subscriptions of an earlier connection */
export function connackBytes(returnCode: number, isSessionPresent = false): Buffer {
  return Buffer.from([0x20, 2, isSessionPresent ? 1 : 0, returnCode]);
}

/** [3.4] */
export function pubackBytes(packetId: number): Buffer {
  return Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]);
}

/** [3.9] */
export function subackBytes(packetId: number, returnCodes: readonly number[]): Buffer {
  const remaining = 2 + returnCodes.length;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(remaining) + remaining);
  const at = bytes.writeUInt16BE(packetId, writeHeader(bytes, 0x90, remaining));
  bytes.set(returnCodes, at);
  return bytes;
}

/** [3.11] */
export function unsubackBytes(packetId: number): Buffer {
  return Buffer.from([0xb0, 2, packetId >> 8, packetId & 0xff]);
}

/** [3.3] @param packetId `null` = with QoS 0, else with QoS 1 */
export function publishBytes(topic: string, payload: string, packetId: number | null): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const remaining = 2 + topicBytes + (packetId === null ? 0 : 2) + Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(1 + lengthBytes(remaining) + remaining);
  let at = writeHeader(bytes, packetId === null ? 0x30 : 0x32, remaining);
  at = bytes.writeUInt16BE(topicBytes, at);
  at += bytes.write(topic, at);
  if (packetId !== null) at = bytes.writeUInt16BE(packetId, at);
  bytes.write(payload, at);
  return bytes;
}

/** Of the remaining length [2.2.3]: 7 bits each. */
function lengthBytes(remaining: number): number {
  return remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
}

/** Returns where the body begins. */
function writeHeader(bytes: Buffer, first: number, remaining: number): number {
  let at = bytes.writeUInt8(first, 0);
  for (let rest = remaining, left = lengthBytes(remaining); left > 0; left -= 1, rest >>= 7) {
    at = bytes.writeUInt8((rest & 0x7f) | (left > 1 ? 0x80 : 0), at);
  }
  return at;
}
