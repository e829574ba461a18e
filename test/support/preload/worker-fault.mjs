/*
 * node --import './worker-fault.mjs?connections=N&fault=exit|throw|hang[&threads=T]': what befalls the first T worker threads
 * (1 unless told otherwise), each at its Nth connection.
 */
import { Socket } from 'node:net';
import { isMainThread, threadId } from 'node:worker_threads';

const { searchParams } = new URL(import.meta.url);

const FAULTS = {
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('injected');
  },
  hang: () => {
    for (;;);
  },
};

if (!isMainThread && threadId <= Number(searchParams.get('threads') ?? 1)) {
  let left = Number(searchParams.get('connections'));
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function countConnection(...args) {
    left -= 1;
    if (left === 0) setImmediate(FAULTS[searchParams.get('fault')]);
    return connect.apply(this, args);
  };
}
