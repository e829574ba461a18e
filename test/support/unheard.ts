import type { RegistrationJob } from '../../src/registration/run-registration.ts';

/** A launch on time, in a load generator that never stands still. */
export const ON_TIME: Pick<RegistrationJob, 'start' | 'stalledMs'> = {
  start: { slotWaitMs: 0, heldMs: 0, startLagMs: 0 },
  stalledMs: () => 0,
};

/** Listeners for a registration of which only the outcome matters. */
export const UNHEARD: Pick<RegistrationJob, 'onThrottle' | 'onConnection' | 'onPermit' | 'onHold' | 'onProgress'> &
  typeof ON_TIME = {
  ...ON_TIME,
  onThrottle: () => {},
  onConnection: () => {},
  onPermit: () => {},
  onHold: () => {},
  onProgress: () => {},
};
