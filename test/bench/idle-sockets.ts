// Opens bare TLS sockets to a server, leaves them idle, and reports to its parent how much memory they take; a process of its own, so that nothing else is in
// its memory. Its arguments are the port, the file of the server's CA, and the number of sockets.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';

export type IdleSockets = { readonly rssBytes: number; readonly heapBytes: number };

const [, , port, caFile, count] = process.argv;
/** Handshakes at a time. */
const LANES = 20;

const secureContext = createSecureContext({ ca: readFileSync(caFile ?? '', 'utf8'), maxVersion: 'TLSv1.2' });
const sockets: TLSSocket[] = [];
await open(LANES);
const before = taken();
await open(Number(count));
await pauseMs(1_000);
const closed = sockets.filter((socket) => socket.closed).length;
if (closed > 0) throw new Error(`the server closed ${closed} of the idle sockets`);
const after = taken();
process.send?.({
  rssBytes: (after.rssBytes - before.rssBytes) / (Number(count) - LANES),
  heapBytes: (after.heapBytes - before.heapBytes) / (Number(count) - LANES),
} satisfies IdleSockets);
process.exit();

/** Opens sockets until there are this many. */
async function open(total: number): Promise<void> {
  const lane = async (): Promise<void> => {
    while (sockets.length < total) {
      const socket = connect({
        host: '127.0.0.1',
        port: Number(port),
        secureContext,
        checkServerIdentity: () => undefined,
      });
      sockets.push(socket);
      socket.on('error', () => {});
      socket.resume();
      await once(socket, 'secureConnect');
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function taken(): IdleSockets {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssBytes: rss, heapBytes: heapUsed };
}
