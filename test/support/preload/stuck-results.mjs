/*
 * node --import './stuck-results.mjs[?until=FILE]': the first write to registrations.csv never ends, as on a disk that has stopped
 * answering; or it ends once FILE is there. It says `stuck` on stderr, and then `heard SIGINT` if the process did.
 */
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as pauseMs } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const until = new URL(import.meta.url).searchParams.get('until');

if (isMainThread) {
  const handle = await open(fileURLToPath(import.meta.url).split('?')[0]);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { appendFile } = prototype;
  prototype.appendFile = async function stick(text) {
    if (!String(text).startsWith('registration_id,')) return appendFile.call(this, text);
    prototype.appendFile = appendFile;
    process.once('SIGINT', () => process.stderr.write('heard SIGINT\n'));
    process.stderr.write('stuck\n');
    // A write that is under way keeps a process alive.
    while (until === null || !existsSync(until)) await pauseMs(20);
    return appendFile.call(this, text);
  };
}
