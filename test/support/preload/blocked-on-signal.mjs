/*
 * node --import './blocked-on-signal.mjs?order=FILE': at SIGUSR2, the main loop or all worker threads do nothing at all for a while. FILE says
 * which, and for how long: {"where":"main","forMs":2000}.
 */
import { readFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

const { searchParams } = new URL(import.meta.url);
const nothing = new Int32Array(new SharedArrayBuffer(4));
const threads = new BroadcastChannel('blocked-on-signal');

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const { where, forMs } = JSON.parse(readFileSync(searchParams.get('order'), 'utf8'));
    if (where === 'main') Atomics.wait(nothing, 0, 0, forMs);
    else threads.postMessage(forMs);
  });
} else {
  threads.onmessage = ({ data: forMs }) => Atomics.wait(nothing, 0, 0, forMs);
}
threads.unref();
