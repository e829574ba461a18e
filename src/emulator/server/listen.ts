import type { AddressInfo, Server } from 'node:net';
import { OperatorError, problem } from '../../problem/operator-error.ts';

/** Connections that wait to be accepted: enough for a fleet that comes back all at once; the system has a limit too. */
const BACKLOG_MAX = 4096;

/**
 * Listens, and returns the port.
 *
 * @param port 0 = any free port
 * @throws OperatorError `usage` with `remedy` when the address cannot be had.
 */
export async function listen(server: Server, host: string, port: number, remedy: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => {
      reject(new OperatorError('usage', [problem(`cannot listen on ${host}:${port}: ${message}`, remedy)]));
    });
    server.listen({ host, port, backlog: BACKLOG_MAX }, resolve);
  });
  return (server.address() as AddressInfo).port;
}
