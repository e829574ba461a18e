/*
 * node name-service.mjs DELAY_MS: a name service on 127.0.0.1:53 that answers every question for an address with 127.0.0.1 after that delay.
 * Writes a line for each question.
 */
import { createSocket } from 'node:dgram';

const DELAY_MS = Number(process.argv[2]);
const HEADER_BYTES = 12;
const TYPE_A = 1;
/** A pointer to the name of the question; type A, class IN, 60 s, 4 bytes: 127.0.0.1 (RFC 1035, 4.1.3). */
const ANSWER = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);

const socket = createSocket('udp4');
socket.on('message', (query, { port, address }) => {
  const nameEnd = query.indexOf(0, HEADER_BYTES) + 1;
  const isAddress = query.readUInt16BE(nameEnd) === TYPE_A;
  const question = query.subarray(HEADER_BYTES, nameEnd + 4);
  // A response, recursion available, one question, and one answer where an IPv4 address is asked for (RFC 1035, 4.1.1).
  const header = Buffer.concat([
    query.subarray(0, 2),
    Buffer.from([0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]),
  ]);
  process.stdout.write('asked\n');
  setTimeout(
    () => socket.send(Buffer.concat([header, question, ...(isAddress ? [ANSWER] : [])]), port, address),
    DELAY_MS,
  );
});
socket.bind(53, '127.0.0.1');
