/* node --import './worker-fault.mjs?after=MS&fault=exit|throw|hang': what befalls the first worker thread so long after its start. */
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

if (!isMainThread && threadId === 1) {
  setTimeout(FAULTS[searchParams.get('fault')], Number(searchParams.get('after')));
}
