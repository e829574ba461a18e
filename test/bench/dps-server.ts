// The service's side of the client benchmark, as a process of its own: answers every registration at once.
import { dpsScript } from '../support/dps-script.ts';
import { startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { createTestCa } from '../support/test-certificates.ts';

export type ServerReady = { readonly port: number; readonly caPem: string };

const ca = await createTestCa();
const { port } = await startScriptedMqttServer({
  // What the service has: an RSA certificate, TLS 1.2, and a wish for the certificate of the client.
  certificate: await ca.issue({ keys: 'rsa' }),
  maxVersion: 'TLSv1.2',
  script: dpsScript(),
  requestCert: true,
  record: false,
});
process.send?.({ port, caPem: ca.certPem } satisfies ServerReady);
process.on('disconnect', () => process.exit());
