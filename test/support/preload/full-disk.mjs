/*
 * node --import './full-disk.mjs?bytes=N': the disk is full when N bytes were appended to files; of the text that does not fit,
 * the beginning is written, as a real disk does.
 */
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

let left = Number(new URL(import.meta.url).searchParams.get('bytes'));

if (isMainThread) {
  const handle = await open(fileURLToPath(import.meta.url).split('?')[0]);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { appendFile } = prototype;
  prototype.appendFile = async function fill(text) {
    const bytes = Buffer.from(text);
    const fitting = bytes.subarray(0, left);
    left -= fitting.length;
    await appendFile.call(this, fitting);
    if (fitting.length === bytes.length) return;
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  };
}
