import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import type { Address } from '../support/scripted-device.ts';

const STEPS = 6;

/** A hostile device over TLS, until it has sent all its bytes or was cut off. */
export function attackTls(
  { host, port, caPem }: Address,
  options: ConnectionOptions,
  bytes: (step: number) => Buffer,
): Promise<void> {
  return attack(connect({ host, port, ca: caPem, servername: 'localhost', ...options }), 'secureConnect', bytes);
}

/** One that does not even speak TLS. */
export function attackPlain({ host, port }: Address, bytes: (step: number) => Buffer): Promise<void> {
  return attack(connectTcp({ host, port }), 'connect', bytes);
}

async function attack(socket: Socket, ready: string, bytes: (step: number) => Buffer): Promise<void> {
  socket.on('error', () => {}).resume();
  const happened = (event: string) => new Promise((resolve) => socket.once(event, resolve));
  const closed = happened('close');
  await Promise.race([happened(ready), closed]);
  for (let step = 0; step < STEPS && !socket.destroyed; step++) {
    socket.write(bytes(step));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  await closed;
}
