import type { StopRequest } from '../../run/stop-request.ts';
import { type Clock, pause } from '../../time/clock.ts';
import { listenForSignals } from './stop-signals.ts';

/** How a command ended before its work did. */
export type Stop = StopRequest['reason'];

/** After a signal, requests in progress may end within this time; what they have done is found out when the command is run again. */
const GRACE_MS = 10_000;

export type GracefulStop = {
  /** `null` = not stopped. */
  readonly by: () => Stop | null;
  /** Resolves when the work must not be waited for any longer. */
  readonly graceOver: Promise<null>;
  dispose(): void;
};

/** Listens for signals to a command that works at the service API. @param onStopping called at the first, unless it is to stop at once */
export function gracefulStop(clock: Clock, onStopping: (by: Stop) => void): GracefulStop {
  const signals = listenForSignals();
  let by: Stop | null = null;
  const graceOver = new Promise<null>((resolve) => {
    signals.onRequest(({ reason, urgency }) => {
      by = reason;
      if (urgency === 'at-once') return resolve(null);
      onStopping(reason);
      void pause(clock, GRACE_MS).then(() => resolve(null));
    });
  });
  return { by: () => by, graceOver, dispose: signals.dispose };
}
