import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestEmulator, type TestEmulator } from '../support/test-emulator.ts';

let emulator: TestEmulator;
/** Closes what does not get on, but not before a busy machine has done a handshake. */
let impatient: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ websocketPort: 0 });
  impatient = await startTestEmulator({ websocketPort: 0, limits: { connectTimeoutMs: 3_000 } });
});
afterAll(() => Promise.all([emulator.close(), impatient.close()]));

const urlOf = (path: string): string => `wss://localhost:${emulator.websocketPort}${path}`;

describe('MQTT over WebSocket', () => {
  it.each([[], ['amqp']])('refuses the subprotocols %j', async (...subprotocols) => {
    const socket = new WebSocket(urlOf('/'), subprotocols, { ca: emulator.caPem });
    await expect(once(socket, 'open')).rejects.toThrow(/400/);
    const offered = subprotocols.length === 0 ? 'no subprotocol' : '"amqp"';
    expect(emulator.logged.at(-1)).toBe(`WebSocket refused: it offers ${offered}, not mqtt`);
  });

  it.each([
    ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 404, 'GET without Upgrade: websocket'],
    ['\x10\x25nonsense', 400, 'not HTTP (HPE_INVALID_METHOD)'],
    [
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n',
      400,
      'Missing or invalid Sec-WebSocket-Key header',
    ],
  ])('refuses %j with %i, and says why', async (text, status, reason) => {
    const socket = connect({ host: 'localhost', port: emulator.websocketPort ?? 0, ca: emulator.caPem });
    await once(socket, 'secureConnect');
    socket.write(text);
    expect(String((await once(socket, 'data'))[0])).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    socket.destroy();
    expect(emulator.logged.at(-1)).toBe(`WebSocket refused: ${reason}`);
  });

  it('says why it closes a WebSocket that sends too much at once', async () => {
    const socket = new WebSocket(urlOf('/'), 'mqtt', { ca: emulator.caPem });
    await once(socket, 'open');
    socket.send(Buffer.alloc(1_000_000));
    await once(socket, 'close');
    await expect.poll(() => emulator.logged.at(-1)).toContain('connection closed: Max payload size exceeded');
  });

  it('closes a connection that it refused, also when the other side keeps it', async () => {
    const port = impatient.websocketPort ?? 0;
    const keeping = { host: 'localhost', port, ca: impatient.caPem, allowHalfOpen: true };
    const socket = connect(keeping);
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    socket.write(['GET / HTTP/1.1', 'Host: localhost', ...upgrade, '', ''].join('\r\n'));
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /);
    // Whoever writes to a connection that is gone is told so.
    const writing = setInterval(() => socket.write('more'), 100);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
  });

  it('answers other requests with 404, and gives up on those that never end', async () => {
    const socket = connect({ host: 'localhost', port: emulator.websocketPort ?? 0, ca: emulator.caPem });
    await once(socket, 'secureConnect');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 404 /);
    const slow = connect({ host: 'localhost', port: impatient.websocketPort ?? 0, ca: impatient.caPem });
    slow.on('error', () => {});
    await once(slow, 'secureConnect');
    slow.write('GET / HT');
    await new Promise((resolve) => slow.resume().once('close', resolve));
    expect(impatient.logged.at(-1)).toBe('WebSocket refused: no handshake in time');
  });
});
