// A TLS server that shakes hands and closes, with the settings and the certificates of the emulator, as a process of its own.
// Arguments: the folder of certificates, and which of them it has.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { type ServerKeys, serverIdentity } from '../../src/certificates/server-identity.ts';
import { tlsSettings } from '../../src/emulator/server/tls-listener.ts';
import { reportCpu } from './server-cpu.ts';

const [caDir = '', keys] = process.argv.slice(2);
const { caPem, servers } = await serverIdentity(caDir, Date.now(), { keys: keys as ServerKeys });
const server = createServer(
  { ...tlsSettings(servers), noDelay: true },
  // The client closes; this end then closes by itself.
  (socket) => socket.on('error', () => {}).resume(),
);
await once(server.listen(0, '127.0.0.1'), 'listening');
reportCpu({ port: (server.address() as AddressInfo).port, caPem });
