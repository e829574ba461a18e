import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { httpsExchange } from '../../src/service-api/https-exchange.ts';
import { lostAnswer } from '../../src/service-api/service-error.ts';
import { createTestCa, type TestCa } from '../support/test-certificates.ts';

const HOST = 'contoso-dps.azure-devices-provisioning.net';

let server: Server;
let ca: TestCa;
let port: number;
let connections = 0;

beforeAll(async () => {
  ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue({ hosts: [HOST] });
  server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => request.socket.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.writeHead(409, { 'Retry-After': '3' });
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.close();
});

const GET = { method: 'GET', path: '/enrollments/a%3Ab?x=1', body: null, headers: {} } as const;

it('exchanges requests over one connection, at the address given, by the name of the host', async () => {
  const target = { host: HOST, port, address: '127.0.0.1', caPems: [ca.certPem], connections: 1 };
  const { exchange, close } = httpsExchange(target);
  const put = await exchange({ ...GET, method: 'PUT', body: '{"site":"Zürich"}', headers: { 'if-match': 'x' } });
  const reply = await exchange(GET);
  expect(JSON.parse(put.text)).toMatchObject({
    method: 'PUT',
    url: GET.path,
    headers: { host: `${HOST}:${port}`, 'if-match': 'x', 'content-length': '18' },
    body: '{"site":"Zürich"}',
  });
  expect(reply).toMatchObject({ status: 409, headers: { 'retry-after': '3' } });
  expect(JSON.parse(reply.text).headers['content-length']).toBeUndefined();
  expect(connections).toBe(1);
  await expect(exchange({ ...GET, path: '/cut' })).rejects.toMatchObject({ code: 'ECONNRESET' });
  close();
});

it('sends nothing to a server whose certificate is for another name, or from an unknown CA', async () => {
  const errors = await Promise.all(
    [
      { host: 'localhost', caPems: [ca.certPem] },
      { host: HOST, caPems: [] },
    ].map(async (wrong) => {
      const { exchange, close } = httpsExchange({ port, address: '127.0.0.1', connections: 1, ...wrong });
      const error = lostAnswer(
        await exchange(GET).then(
          () => expect.unreachable(),
          (e) => e,
        ),
        false,
      );
      close();
      return error;
    }),
  );
  for (const error of errors) {
    expect(error).toMatchObject({ isTransient: false, mayRepeat: false });
    expect(error.message).toContain('the certificate of the server is not trusted');
  }
});
