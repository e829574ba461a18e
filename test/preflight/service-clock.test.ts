import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { measureClockSkew } from '../../src/preflight/service-clock.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { createTestCa } from '../support/test-certificates.ts';

/** @param aheadMs of the server's `Date` header; `null` = it sends none */
async function skewOf(aheadMs: number | null): Promise<number | null> {
  const ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue();
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => {
    response.sendDate = false;
    if (aheadMs !== null) response.setHeader('Date', new Date(Date.now() + aheadMs).toUTCString());
    response.writeHead(404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const skewMs = await measureClockSkew(
    { host: 'localhost', port, transport: 'websocket', caPems: [ca.certPem], addresses: null },
    systemClock(hrtimeMs()),
  );
  server.close();
  return skewMs;
}

/** How far a measurement is off, less the time that it took, which nobody can tell from the skew. The header counts seconds. */
async function errorMs(measured: Promise<number | null>, trueMs: number): Promise<number> {
  const beganAtMs = performance.now();
  const skewMs = (await measured) ?? Number.NaN;
  return Math.abs(skewMs - trueMs) - (performance.now() - beganAtMs);
}

it.each([0, 100_000, -5_000_000])('a service whose clock is %i ms ahead is behind by as much', async (aheadMs) => {
  expect(await errorMs(skewOf(aheadMs), -aheadMs)).toBeLessThan(3_000);
});

it('is measured from when the request is sent, not from when the connection is begun', async () => {
  const ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue();
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => response.end());
  let waitedMs = 0;
  server.on('connection', () => {
    waitedMs = 100_000;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = systemClock(hrtimeMs());
  const late = { ...clock, epochMs: () => Date.now() + waitedMs };
  const target = { host: 'localhost', port, transport: 'websocket', caPems: [ca.certPem], addresses: null } as const;
  expect(await errorMs(measureClockSkew(target, late), 100_000)).toBeLessThan(3_000);
  server.close();
});

it('is measured at the address that the operator gave, and verified for the name', async () => {
  const ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue({ hosts: ['service.invalid'] });
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => response.end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const addresses = [{ address: '127.0.0.1', family: 4 }];
  const skewOfHost = (host: string) =>
    measureClockSkew({ host, port, transport: 'websocket', caPems: [ca.certPem], addresses }, systemClock(hrtimeMs()));
  expect(await errorMs(skewOfHost('service.invalid'), 0)).toBeLessThan(3_000);
  expect(await skewOfHost('other.invalid')).toBeNull();
  server.close();
});

it('is not measured without the header, or without a server', async () => {
  expect(await skewOf(null)).toBeNull();
  const nobody = { host: '127.0.0.1', port: 9, transport: 'websocket', caPems: [], addresses: null } as const;
  expect(await measureClockSkew(nobody, systemClock(hrtimeMs()))).toBeNull();
});
