/*
 * node --import ./stuck-results.mjs: the first write to registrations.csv never ends, as on a disk that has stopped answering.
 * It says `stuck` on stderr.
 */
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const handle = await open(fileURLToPath(import.meta.url).split('?')[0]);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { appendFile } = prototype;
  prototype.appendFile = function stick(text) {
    if (!String(text).startsWith('registration_id,')) return appendFile.call(this, text);
    process.stderr.write('stuck\n');
    // A write that is under way keeps a process alive.
    setInterval(() => {}, 1_000);
    return new Promise(() => {});
  };
}
