/*
 * node --import './synced-length.mjs?to=FILE': notes for every file that is synced how long it was then, as a line `INODE BYTES`
 * of FILE: what a power cut at that moment would leave.
 */
import { appendFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

const to = new URL(import.meta.url).searchParams.get('to');

if (isMainThread) {
  const handle = await open(fileURLToPath(import.meta.url).split('?')[0]);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { datasync } = prototype;
  prototype.datasync = async function noteLength() {
    const { ino, size } = await this.stat();
    await datasync.call(this);
    appendFileSync(to, `${ino} ${size}\n`);
  };
}
