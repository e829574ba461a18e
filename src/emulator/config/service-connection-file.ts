import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseServiceConnection } from '../../dps/service-connection.ts';

/*
 * The connection string of the service API, in the folder of the CA: the port may be another each time, the key stays. That of the
 * well-known key is in a file of its own, so that neither takes the place of the other.
 */

export const SERVICE_CONNECTION_FILE = 'service.connection';
export const WELL_KNOWN_CONNECTION_FILE = 'well-known-service.connection';

/** The key of the connection string that is there; `null` = there is none. */
export function keyInConnectionFile(file: string): string | null {
  if (!existsSync(file)) return null;
  const connection = parseServiceConnection(readFileSync(file, 'utf8'));
  return typeof connection === 'string' ? null : connection.key;
}

/** Readable only by its owner. */
export function writeConnectionFile(file: string, connectionString: string): void {
  writeFileSync(file, `${connectionString}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
}
