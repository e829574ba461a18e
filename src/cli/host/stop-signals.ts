import type { StopRequest, StopRequests } from '../../run/stop-request.ts';
import { isAtTerminal } from './own-terminal.ts';

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
  const onTerminate = hear('terminated');
  // Only as the first signal: a shell that passes SIGHUP on makes it arrive twice, which does not mean an immediate stop.
  // Without a terminal it is ignored, as `nohup` and services expect: Node.js undoes the protection of `nohup`.
  const atTerminal = isAtTerminal();
  const onHangUp = (): void => {
    if (atTerminal && heard === 0) onTerminate();
  };
  const handlers = { SIGINT: hear('interrupted'), SIGTERM: onTerminate, SIGHUP: onHangUp };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return {
    onRequest: (listener) => {
      listeners.push(listener);
      if (last !== null) listener(last);
    },
    dispose: () => {
      for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
    },
  };
}
