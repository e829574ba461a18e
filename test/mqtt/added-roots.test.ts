import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { mqttJsConnections } from '../../src/mqtt/mqtt-js-connection.ts';
import { tlsDialler } from '../../src/mqtt/tls-dialler.ts';
import { hrtimeMs, systemClock } from '../../src/time/system-clock.ts';
import { dpsScript } from '../support/dps-script.ts';
import { openRecorded } from '../support/recorded-connection.ts';
import { type ScriptedMqttServer, startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { createTestCa } from '../support/test-certificates.ts';

/** Stands for the roots that Node brings along. */
const systemRoots = vi.hoisted((): string[] => []);
vi.mock('node:tls', async (importOriginal) => ({
  ...(await importOriginal<typeof import('node:tls')>()),
  rootCertificates: systemRoots,
}));

let server: ScriptedMqttServer;

beforeAll(async () => {
  const systemCa = await createTestCa('system root');
  systemRoots.push(systemCa.certPem);
  server = await startScriptedMqttServer({ certificate: await systemCa.issue(), script: dpsScript() });
});

afterAll(() => server.close());

it('keeps the roots of the system where a root is added', async () => {
  const { certPem } = await createTestCa('added root');
  const dial = tlsDialler({ host: 'localhost', port: server.port, caPems: [certPem], addresses: null });
  const { connection, events, event } = openRecorded(mqttJsConnections(dial, systemClock(hrtimeMs())));
  await event('connected');
  expect(events.map(({ type }) => type)).toEqual(['resolved', 'tcpConnected', 'secured', 'connected']);
  connection.close();
});
