import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Each process of tests has so many ports, which it takes in turn. */
const PORTS_PER_PROCESS = 20;
/** From here up to those that the system gives to whoever asks for any, and to each connection that begins on this machine. */
const FIRST_PORT = 10_000;
const BLOCKS = Math.max(1, Math.floor((firstEphemeralPort() - FIRST_PORT) / PORTS_PER_PROCESS));

let next = 0;

/** A port that nobody listens on, and that nobody gets by chance: it stays free while a server is away, or is not there yet. */
export async function freePort(): Promise<number> {
  const firstOfProcess = FIRST_PORT + (process.pid % BLOCKS) * PORTS_PER_PROCESS;
  for (let tries = 0; tries < PORTS_PER_PROCESS; tries += 1) {
    const port = firstOfProcess + (next++ % PORTS_PER_PROCESS);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${firstOfProcess} on is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

function firstEphemeralPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
  } catch {
    // Of systems other than Linux.
    return 49_152;
  }
}
