import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Keys that the service generates have 64 bytes. */
const GENERATED_KEY_BYTES = 64;

/** Name of the generated key's file beside the CA. */
const GROUP_KEY_FILE = 'group.key';

/** The file `dir/group.key`, which is created with a new key when absent; readable by its owner only. */
export function generatedGroupKeyFile(dir: string): string {
  const file = join(dir, GROUP_KEY_FILE);
  if (!existsSync(file))
    writeFileSync(file, `${randomBytes(GENERATED_KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  return file;
}
