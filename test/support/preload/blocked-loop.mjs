/*
 * node --import './blocked-loop.mjs?everyMs=N&forMs=M': every worker thread does nothing at all for M ms, again and again.
 */
import { isMainThread } from 'node:worker_threads';

const { searchParams } = new URL(import.meta.url);
const forMs = Number(searchParams.get('forMs'));

if (!isMainThread) {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.wait(nothing, 0, 0, forMs), Number(searchParams.get('everyMs'))).unref();
}
