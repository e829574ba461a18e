import { join } from 'node:path';
import { WELL_KNOWN_GROUP_KEY } from '../../emulator/config/emulator-defaults.ts';
import {
  keyInConnectionFile,
  SERVICE_CONNECTION_FILE,
  WELL_KNOWN_CONNECTION_FILE,
  writeConnectionFile,
} from '../../emulator/config/service-connection-file.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import type { EmulatorFlags } from './emulator-settings.ts';

/** The file with the connection string of the emulator's service API, and the key of its policy; absent key = a new one. */
export function serviceConnectionFile(
  { wellKnownKey }: EmulatorFlags,
  caDir: string,
): { readonly file: string; readonly ownerKey: { readonly serviceOwnerKey?: string } } {
  if (wellKnownKey) {
    return { file: join(caDir, WELL_KNOWN_CONNECTION_FILE), ownerKey: { serviceOwnerKey: WELL_KNOWN_GROUP_KEY } };
  }
  const file = join(caDir, SERVICE_CONNECTION_FILE);
  const stored = keyInConnectionFile(file);
  return { file, ownerKey: stored === null ? {} : { serviceOwnerKey: stored } };
}

/** Returns the file, once it has the connection string; `null` = the service API is not offered. */
export function storeServiceConnection({ serviceConnectionString }: Emulator, file: string): string | null {
  if (serviceConnectionString === null) return null;
  writeConnectionFile(file, serviceConnectionString);
  return file;
}
