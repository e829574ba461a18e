import type { Step } from './conversation.ts';
import { keptPayload, keptTopic } from './kept-steps.ts';

/** A packet of the emulator, from its bytes [MQTT 3.1.1, 3]: so the conversation shows what was sent, not what was meant. */
export function sentStep(bytes: Buffer, atMs: number): Step {
  const first = bytes[0] ?? 0;
  const from = 'emulator';
  switch (first >> 4) {
    case 2:
      return { from, type: 'connack', atMs, returnCode: bytes[3] ?? 0 };
    case 3:
      return publishStep(bytes, first, atMs);
    case 4:
      return { from, type: 'puback', atMs, packetId: bytes.readUInt16BE(2) };
    case 9: {
      const at = bodyStart(bytes);
      return {
        from,
        type: 'suback',
        atMs,
        packetId: bytes.readUInt16BE(at),
        returnCodes: [...bytes.subarray(at + 2, at + 12)],
      };
    }
    case 11:
      return { from, type: 'unsuback', atMs, packetId: bytes.readUInt16BE(2) };
    default:
      return { from, type: 'pingresp', atMs };
  }
}

function publishStep(bytes: Buffer, first: number, atMs: number): Step {
  const qos = (first >> 1) & 3;
  const topicAt = bodyStart(bytes) + 2;
  const topicEnd = topicAt + bytes.readUInt16BE(topicAt - 2);
  const payloadAt = qos === 0 ? topicEnd : topicEnd + 2;
  return {
    from: 'emulator',
    type: 'publish',
    atMs,
    topic: keptTopic(bytes.toString('utf8', topicAt, topicEnd)),
    ...keptPayload(bytes.subarray(payloadAt)),
    qos,
    retain: (first & 1) === 1,
    isDuplicate: (first & 8) !== 0,
    packetId: qos === 0 ? null : bytes.readUInt16BE(topicEnd),
  };
}

/** Behind the remaining length, of which all bytes but the last have the highest bit set. */
function bodyStart(bytes: Buffer): number {
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 1;
}
