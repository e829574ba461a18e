import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { refuseWrongClock } from '../../src/preflight/service-clock.ts';
import { OperatorError } from '../../src/problem/operator-error.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { createTestCa } from '../support/test-certificates.ts';

const HOUR_MS = 3_600_000;

/** What is said to the operator; `null` = nothing. @param aheadMs of the service's clock */
async function refusal(aheadMs: number): Promise<string | null> {
  const ca = await createTestCa();
  const { certPem, keyPem } = await ca.issue();
  const server = createServer({ cert: certPem, key: keyPem }, (_, response) => {
    response.writeHead(404, { Date: new Date(Date.now() + aheadMs).toUTCString() }).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const target = { host: 'localhost', port, transport: 'websocket', caPems: [ca.certPem], addresses: null } as const;
  try {
    await refuseWrongClock(target, systemClock(hrtimeMs()));
    return null;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return `${error.kind}: ${error.message}`;
  } finally {
    server.close();
  }
}

it('a clock by which every SAS token has expired is named, with how far it is behind', async () => {
  expect(await refusal(2 * HOUR_MS)).toMatch(
    /^unreachable: every SAS token has expired .* (7,19\d|7,20\d) s behind the service/,
  );
});

it.each([0, HOUR_MS / 2, -2 * HOUR_MS])('does not blame a clock that is %i ms behind', async (aheadMs) => {
  expect(await refusal(aheadMs)).toBeNull();
});
