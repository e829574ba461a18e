// A TLS server that shakes hands and closes, with the settings and the certificate of the emulator, as a process of its own.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { reportCpu } from './server-cpu.ts';

const [caDir = ''] = process.argv.slice(2);
const read = (file: string): string => readFileSync(join(caDir, file), 'utf8');
const server = createServer(
  {
    cert: read('server.pem'),
    key: read('server.key'),
    noDelay: true,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
  },
  // The client closes; this end then closes by itself.
  (socket) => socket.on('error', () => {}).resume(),
);
await once(server.listen(0, '127.0.0.1'), 'listening');
reportCpu({ port: (server.address() as AddressInfo).port, caPem: read('ca.pem') });
