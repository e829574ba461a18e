// The service's side of a client benchmark, as a process of its own: answers every registration at once. Its argument is a
// `ServerCrypto` in JSON.
import type { SecureVersion } from 'node:tls';
import { dpsScript } from '../support/dps-script.ts';
import { startScriptedMqttServer } from '../support/scripted-mqtt-server.ts';
import { createTestCa, type KeyType } from '../support/test-certificates.ts';

export type ServerCrypto = {
  readonly keys: KeyType;
  /** Of the root and the intermediates. */
  readonly authorityKeys: KeyType;
  readonly maxVersion: SecureVersion;
  /** Certificates between the root and the server's own. */
  readonly intermediates: number;
};

export type ServerReady = {
  readonly port: number;
  readonly caPem: string;
  /** Absent or `null` = it serves no hubs. */
  readonly hubPort?: number | null;
};

/** What the service has: RSA, and TLS 1.2 as the only version that its documentation promises. */
const SERVICE: ServerCrypto = { keys: 'rsa', authorityKeys: 'ec', maxVersion: 'TLSv1.2', intermediates: 0 };

const { keys, authorityKeys, maxVersion, intermediates } = {
  ...SERVICE,
  ...JSON.parse(process.argv[2] ?? '{}'),
} as ServerCrypto;
const root = await createTestCa('test root', authorityKeys);
let issuer = root;
for (let level = 1; level <= intermediates; level += 1)
  issuer = await issuer.intermediate(`test intermediate ${level}`);
const { port } = await startScriptedMqttServer({
  certificate: await issuer.issue({ keys }),
  maxVersion,
  script: dpsScript(),
  // The service asks every client for a certificate.
  requestCert: true,
  record: false,
});
process.send?.({ port, caPem: root.certPem } satisfies ServerReady);
process.on('disconnect', () => process.exit());
