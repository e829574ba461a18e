import { isatty } from 'node:tty';
import type { StopRequest, StopRequests } from '../../run/stop-request.ts';

/** The one place that hears signals: the first asks for an orderly stop, every further one for a stop at once. */
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
  // It comes twice where a shell passes it on, which is no hurry.
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
 * Whether SIGHUP says that the terminal is gone. What was never at one goes on, as `nohup` and services want it: Node takes
 * away the protection that `nohup` gives.
 */
export function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}
