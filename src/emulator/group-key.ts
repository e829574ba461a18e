import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { symmetricKeyProblem } from '../dps/device-key.ts';
import { OperatorError } from '../problem/operator-error.ts';

/** Keys that the service generates have 64 bytes. */
const GENERATED_KEY_BYTES = 64;

/** Name of the generated key's file beside the CA. */
const GROUP_KEY_FILE = 'group.key';

/** A symmetric key from a file: base64 with white space around it. Errors name the file, never the key. */
export function readKeyFile(file: string): string {
  const refuse = (message: string): OperatorError => {
    const remedy = 'Write one base64 key of 16 to 64 bytes into it';
    return new OperatorError('usage', [{ file, line: null, column: null, message, remedy }]);
  };
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw refuse(`the key file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const reason = symmetricKeyProblem(key);
  if (reason !== null) throw refuse(`the key ${reason}`);
  return key;
}

/** The key in `dir/group.key`, which is created when absent; readable by its owner only. */
export function generatedGroupKey(dir: string): { readonly key: string; readonly file: string } {
  const file = join(dir, GROUP_KEY_FILE);
  if (!existsSync(file))
    writeFileSync(file, `${randomBytes(GENERATED_KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  return { key: readKeyFile(file), file };
}
