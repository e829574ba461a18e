import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ServerNameCheck } from '../../src/mqtt/server-name-check.ts';
import { createTestCa, type TestCa } from '../support/test-certificates.ts';
import { startTlsWitness } from '../support/tls-witness.ts';

let ca: TestCa;
beforeAll(async () => {
  ca = await createTestCa();
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function serve(...args: Parameters<typeof startTlsWitness>): Promise<number> {
  const { port, close } = await startTlsWitness(...args);
  closers.push(close);
  return port;
}

/** Returns how often Node was asked for an object of the server's certificate. Rejects when the server is another one. */
async function handshake(nameCheck: ServerNameCheck, port: number, options: ConnectionOptions = {}): Promise<number> {
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port,
    ca: ca.certPem,
    checkServerIdentity: () => nameCheck.errorOf(socket),
    ...options,
  });
  socket.getPeerCertificate = () => ({}) as never;
  const objects = vi.spyOn(socket, 'getPeerX509Certificate');
  socket.resume();
  await once(socket, 'close');
  return objects.mock.calls.length;
}

describe('the check of server names', () => {
  it.each([
    ['TLSv1.2', 'ec'],
    ['TLSv1.2', 'rsa'],
    ['TLSv1.3', 'ec'],
    ['TLSv1.3', 'rsa'],
  ] as const)('%s, %s: the names of a certificate are read once', async (version, keys) => {
    const port = await serve(await ca.issue({ keys }));
    const nameCheck = new ServerNameCheck('127.0.0.1');
    const objects: number[] = [];
    for (let n = 0; n < 3; n += 1)
      objects.push(await handshake(nameCheck, port, { minVersion: version, maxVersion: version }));
    expect(objects).toEqual([1, 0, 0]);
  });

  it('a certificate for another name is refused, each time, and also after the right one', async () => {
    const nameCheck = new ServerNameCheck('127.0.0.1');
    await handshake(nameCheck, await serve(await ca.issue()));
    const stranger = await serve(await ca.issue({ hosts: ['elsewhere.example'] }));
    for (let n = 0; n < 2; n += 1)
      await expect(handshake(nameCheck, stranger)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('a known certificate of an unknown CA is refused all the same', async () => {
    const nameCheck = new ServerNameCheck('127.0.0.1');
    const port = await serve(await ca.issue());
    await handshake(nameCheck, port);
    const other = await createTestCa();
    await expect(handshake(nameCheck, port, { ca: other.certPem })).rejects.toThrow();
  });
});
