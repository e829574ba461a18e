import { createServer, isIP } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { tlsDialler } from '../../src/mqtt/tls-dialler.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { dpsScript } from '../support/dps-script.ts';
import { freePort } from '../support/free-port.ts';
import { openRecorded, type RecordedConnection } from '../support/recorded-connection.ts';
import { type ScriptedMqttServer, startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { createTestCa, type IssueOptions, type TestCa } from '../support/test-certificates.ts';

let ca: TestCa;
let otherCa: TestCa;
let server: ScriptedMqttServer | null = null;

beforeAll(async () => {
  [ca, otherCa] = await Promise.all([createTestCa(), createTestCa('other root')]);
});

afterEach(async () => {
  await server?.close();
  server = null;
});

async function serve(options: IssueOptions, issuer = ca): Promise<ScriptedMqttServer> {
  server = await startScriptedMqttServer({ certificate: await issuer.issue(options), script: dpsScript() });
  return server;
}

function dial(host: string, port: number, caPems: readonly string[] = [ca.certPem]): RecordedConnection {
  return openRecorded(mqttJsConnections(tlsDialler({ host, port, caPems, addresses: null }), systemClock(hrtimeMs())));
}

describe('the identity of the server', () => {
  it.each<[string, string, IssueOptions]>([
    ['its name', 'localhost', { hosts: ['localhost'] }],
    ['one of several names', 'localhost', { hosts: ['other.example', 'localhost'] }],
    ['its address', '127.0.0.1', { hosts: ['127.0.0.1'] }],
  ])('is accepted by %s', async (_name, host, options) => {
    const { port } = await serve(options);
    const { connection, event } = dial(host, port);
    await event('connected');
    connection.close();
  });

  it.each<[code: string, name: string, host: string, options: IssueOptions]>([
    ['tls-host-name', 'another name', 'localhost', { hosts: ['other.example'] }],
    ['tls-host-name', 'a name below', 'localhost', { hosts: ['sub.localhost'] }],
    ['tls-host-name', 'a name only, where an address was dialled', '127.0.0.1', { hosts: ['localhost'] }],
    ['tls-host-name', 'another address', '127.0.0.1', { hosts: ['127.0.0.2'] }],
    ['tls-host-name', 'an address written as a name', '127.0.0.1', { hosts: ['127.0.0.1.example'] }],
    ['tls-host-name', 'nobody', 'localhost', { hosts: [] }],
    ['tls-expired', 'the right name, but expired', 'localhost', { validDays: [-5, -1] }],
    ['tls-expired', 'the right name, but not valid yet', 'localhost', { validDays: [1, 5] }],
  ])('is refused as %s for a certificate of %s', async (code, _name, host, options) => {
    const { port, quiet, bytesReceived } = await serve(options);
    const { events, event } = dial(host, port);
    const { failure } = await event('lost');
    expect(failure.code).toBe(code);
    if (code === 'tls-host-name') expect(failure.message).toContain(`not for ${host} `);
    await quiet();
    expect(events.map(({ type }) => type)).toEqual([...(isIP(host) === 0 ? ['resolved'] : []), 'tcpConnected', 'lost']);
    expect(bytesReceived()).toBe(0);
  });

  it('is refused as tls-unknown-ca for a root that is not trusted', async () => {
    const { port, quiet, bytesReceived } = await serve({}, otherCa);
    const { events, event } = dial('localhost', port);
    expect((await event('lost')).failure).toMatchObject({ code: 'tls-unknown-ca', message: /--ca/ });
    await quiet();
    expect(events.map(({ type }) => type)).toEqual(['resolved', 'tcpConnected', 'lost']);
    expect(bytesReceived()).toBe(0);
  });

  it('is refused as tls-unknown-ca where no root was added', async () => {
    const { port } = await serve({});
    const { event } = dial('localhost', port, []);
    expect((await event('lost')).failure.code).toBe('tls-unknown-ca');
  });

  it('is accepted by any of several roots that were added', async () => {
    const { port } = await serve({}, otherCa);
    const { connection, event } = dial('localhost', port, [`${ca.certPem}\n${otherCa.certPem}\n`]);
    await event('connected');
    connection.close();
  });
});

describe('what is no TLS server', () => {
  it('nothing listens: tcp-refused', async () => {
    const port = await freePort();
    const { events, event } = dial('127.0.0.1', port);
    expect((await event('lost')).failure).toMatchObject({
      code: 'tcp-refused',
      message: new RegExp(`^127.0.0.1:${port}: `),
    });
    expect(events.map(({ type }) => type)).toEqual(['lost']);
  });

  it('a name without address: dns', async () => {
    const { event } = dial('no-such-host.invalid', 8883);
    expect((await event('lost')).failure.code).toBe('dns');
  });

  it.each([
    ['plain text', 'tls-failed', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['the end of the connection', 'tcp-reset', null],
  ])('%s: %s', async (_name, code, text) => {
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      if (text === null) socket.end();
      else socket.write(text);
    });
    const port = await new Promise<number>((resolve) => {
      plain.listen(0, '127.0.0.1', () => resolve((plain.address() as { port: number }).port));
    });
    const { event } = dial('127.0.0.1', port);
    expect((await event('lost')).failure.code).toBe(code);
    await new Promise((resolve) => plain.close(resolve));
  });
});
