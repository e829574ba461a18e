import { isatty } from 'node:tty';
import type { StopRequest, StopRequests } from '../../run/stop-request.ts';

/** The only listener for signals: the first one requests an orderly stop, every further one an immediate stop. */
export function listenForSignals(): StopRequests & { dispose(): void } {
  const listeners: ((request: StopRequest) => void)[] = [];
  let heard = 0;
  let last: StopRequest | null = null;
  const hear = (reason: StopRequest['reason']) => (): void => {
    heard += 1;
    const urgency = heard === 1 ? 'finish-in-flight' : 'at-once';
    last = { reason, urgency };
    for (const listener of listeners) listener(last);
  };
  const onInterrupt = hear('interrupted');
  const onTerminate = hear('terminated');
  // Only as the first signal: a shell that passes SIGHUP on makes it arrive twice, which does not mean an immediate stop.
  const atTerminal = isAtTerminal();
  const onHangUp = (): void => {
    if (atTerminal && heard === 0) onTerminate();
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  process.on('SIGHUP', onHangUp);
  return {
    onRequest: (listener) => {
      listeners.push(listener);
      if (last !== null) listener(last);
    },
    dispose: () => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      process.off('SIGHUP', onHangUp);
    },
  };
}

/**
 * Returns whether SIGHUP means that the terminal has gone. Without a terminal it is ignored, as `nohup` and services expect;
 * Node.js undoes the protection of `nohup`.
 */
export function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}
